"""Who teaches, from the names of a run."""

from pathlib import Path

import pytest
import torch

from forecast.api import train as training
from forecast.errors import UsageError
from forecast.segmentation.networks.fast_scnn import FastSCNN
from forecast.stages import Segmenter
from forecast.training.settings import SegmenterRun
from pipelines import cli


@pytest.fixture
def taught(monkeypatch: pytest.MonkeyPatch) -> list[Segmenter | None]:
    """Each run's teacher; nothing is trained."""
    seen: list[Segmenter | None] = []

    def note(*_: object, teacher: Segmenter | None, out: Path, **__: object) -> Path:
        seen.append(teacher)
        return out

    monkeypatch.setattr(training, "train_segmenter", note)
    return seen


@pytest.fixture
def files(tmp_path: Path) -> list[str]:
    torch.manual_seed(0)
    for name in ("a", "b"):
        torch.save(FastSCNN().state_dict(), tmp_path / f"{name}.pth")
    return [str(tmp_path / "a.pth"), str(tmp_path / "b.pth")]


def test_several_names_teach_by_their_mean(
    files: list[str], taught: list[Segmenter | None], tmp_path: Path
):
    words = ["train", "segmenter", "street:1", "-o", str(tmp_path / "out")]
    words += ["--teacher", "fast-scnn,fast-scnn", "--teacher-weights", ",".join(files)]
    assert cli.main(words) == 0
    (teacher,) = taught
    assert teacher is not None
    assert teacher.name == "fast-scnn+fast-scnn"


def test_one_name_teaches_by_itself_and_none_by_nobody(
    files: list[str], taught: list[Segmenter | None], tmp_path: Path
):
    alone = SegmenterRun(
        data=("street:1",), teacher=("fast-scnn",), teacher_weights=tuple(files[:1])
    )
    training.train(alone, tmp_path)
    training.train(SegmenterRun(data=("street:1",)), tmp_path)
    one, nobody = taught
    assert one is not None
    assert one.name == "fast-scnn"
    assert nobody is None


def test_weights_for_one_of_two_teachers_are_refused(files: list[str], tmp_path: Path):
    uneven = SegmenterRun(
        data=("street:1",),
        teacher=("fast-scnn", "fast-scnn"),
        teacher_weights=tuple(files[:1]),
    )
    with pytest.raises(UsageError, match="teacher_weights are 1 for 2 teachers"):
        training.train(uneven, tmp_path)
