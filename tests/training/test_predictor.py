"""From folders to a file of weights with its card; a run that is there already is continued."""

from __future__ import annotations

import os
import subprocess
import sys
from collections.abc import Sequence
from functools import partial
from pathlib import Path

import numpy as np
import pytest
import torch
from PIL import Image

from forecast.checkpoints import load_state, read_card
from forecast.errors import UsageError
from forecast.labels import CITYSCAPES
from forecast.prediction.flow_guided.predictor import GRID_HW
from forecast.prediction.guard import gains_with
from forecast.specs import Spec
from forecast.synthetic.street.source import StreetSource
from forecast.training import predictor as train_predictor_module
from forecast.training.data import prepare as training_clips
from forecast.training.data.clips import Clip
from forecast.training.data.prepare import Prepared
from forecast.training.fit import Progress
from forecast.training.predictor import train_predictor
from forecast.training.run import Audience
from forecast.training.settings import PredictorRun
from forecast.values import Frame, Instant, Segmentation

FRAMES, H, W = 12, 32, 64


@pytest.fixture(scope="module")
def folders(tmp_path_factory: pytest.TempPathFactory) -> list[str]:
    """Two clips of a scene that slides by, each with its labels."""
    found: list[str] = []
    for seed, name in enumerate(("east", "west")):
        root = tmp_path_factory.mktemp("data") / name
        noise = np.random.default_rng(seed)
        labels = noise.integers(0, 19, (4, 16), np.uint8).repeat(8, 0).repeat(8, 1)
        colours = noise.integers(0, 255, (19, 3), np.uint8)
        for part in ("rgb", "label_trainid"):
            (root / part).mkdir(parents=True)
        for index in range(FRAMES):
            seen = labels[:, 4 * index : 4 * index + W]
            Image.fromarray(seen).save(root / "label_trainid" / f"{index:06}.png")
            Image.fromarray(colours[seen]).save(root / "rgb" / f"{index:06}.png")
        found.append(str(root))
    return found


def _train(folders: list[str], out: Path, **settings: object) -> Path:
    chosen = {"steps": 2, "batch": 1, "score_every": 2, "fps": 5.0, "held_out": ("west",)}
    chosen |= {"data": tuple(folders)}
    asked = PredictorRun(**(chosen | settings))  # pyright: ignore[reportArgumentType]
    return train_predictor(asked, out=out, teacher=None)


@pytest.mark.parametrize(
    ("name", "more"),
    [
        ("flow-guided-small", {}),
        ("flow-rollout-small", {"unroll": 2}),
        ("s2s", {"width": 0.3, "unroll": 2}),
        ("x2x", {"width": 0.0625}),
        ("conv-lstm", {"width": 0.125}),
    ],
)
def test_training_leaves_weights_with_a_card(
    folders: list[str], tmp_path: Path, name: str, more: dict[str, object]
) -> None:
    path = _train(folders, tmp_path, predictor=name, **more)
    card = read_card(path)
    assert card.network == name
    assert [one.name for one in card.learnt_from] == ["east", "west"]
    assert "score" in card.scores
    assert load_state(path)


def test_a_finished_run_is_not_run_again(folders: list[str], tmp_path: Path) -> None:
    first = load_state(_train(folders, tmp_path, predictor="conv-lstm", width=0.125))
    told: list[Progress] = []
    settings = PredictorRun(
        data=tuple(folders),
        predictor="conv-lstm",
        width=0.125,
        steps=2,
        batch=1,
        score_every=2,
        fps=5.0,
        held_out=("west",),
    )
    again = load_state(
        train_predictor(settings, out=tmp_path, teacher=None, audience=Audience(report=told.append))
    )
    assert told == []
    assert all(bool((first[key] == again[key]).all()) for key in first)


@pytest.mark.parametrize(
    ("wrong", "says"),
    [
        ({"predictor": "oracle"}, "known: flow-guided-small"),
        ({"steps": 0, "batch": 0}, "steps is 0.*batch is 0"),
        (
            {"held_out": ("north",)},
            "no clip is called 'north'; name some of these with --held-out: east, west",
        ),
        ({"held_out": ("east", "west")}, "leave at least one"),
        ({"predictor": "s2s", "width": 0.25}, "width of at least 0.297"),
    ],
)
def test_what_cannot_be_is_said(
    folders: list[str], tmp_path: Path, wrong: dict[str, object], says: str
) -> None:
    with pytest.raises(UsageError, match=says):
        _train(folders, tmp_path, **wrong)


def test_unlabelled_pictures_need_a_teacher(folders: list[str], tmp_path: Path) -> None:
    with pytest.raises(UsageError, match="name a --teacher"):
        _train([str(Path(folders[0]) / "rgb"), folders[1]], tmp_path)


class _Teacher:
    """Sees one class everywhere."""

    space = CITYSCAPES

    def __init__(self, name: str, class_id: int) -> None:
        self.name = self.fingerprint = name
        self._class_id = class_id

    def __call__(self, frames: Sequence[Frame]) -> list[Segmentation]:
        ids = torch.full((H, W), self._class_id, dtype=torch.uint8)
        return [
            Segmentation(at=one.at, space=CITYSCAPES, size_hw=(H, W), ids=ids) for one in frames
        ]


def test_each_teacher_gives_a_clip_of_its_own_and_a_gain_on_the_card(
    folders: list[str], tmp_path: Path
) -> None:
    road, sky = _Teacher("road-seer", 0), _Teacher("sky-seer", 10)
    east, west = (str(Path(one)) for one in folders)
    settings = PredictorRun(
        data=(str(Path(east) / "rgb"), west),
        predictor="flow-guided-small",
        steps=1,
        batch=1,
        score_every=1,
        fps=5.0,
        held_out=("east~sky-seer", "west"),
    )
    apart = {one.name: partial(_returned, one) for one in (road, sky)}
    path = train_predictor(settings, out=tmp_path, teacher=None, apart=apart)
    for name, class_id in (("road-seer", 0), ("sky-seer", 10)):
        clip = Clip(tmp_path / "clips" / f"east~{name}")
        assert (clip.ids(3) == class_id).all()
        assert clip.frame(3).at.clip == "east"
    scores = read_card(path).scores
    assert gains_with("sky-seer", scores) == [0, 0, 0]
    assert gains_with("road-seer", scores) == []


def _returned(teacher: _Teacher) -> _Teacher:
    return teacher


def test_teachers_apart_are_two_or_more() -> None:
    assert "apart needs two teachers" in "; ".join(
        PredictorRun(data=("a", "b"), teacher=("fast-scnn",), apart=True).problems()
    )


def test_two_clips_of_one_name_are_refused(folders: list[str], tmp_path: Path) -> None:
    with pytest.raises(UsageError, match="two clips are called east"):
        _train([folders[0], folders[0], folders[1]], tmp_path)


def test_every_scoring_leaves_a_picture_for_each_time_ahead(
    folders: list[str], tmp_path: Path
) -> None:
    accumulator = pytest.importorskip("tensorboard.backend.event_processing.event_accumulator")
    _train(folders, tmp_path, predictor="flow-guided-small", steps=2, score_every=1)
    found = accumulator.EventAccumulator(str(tmp_path / "scalars"))
    found.Reload()
    tags = found.Tags()["images"]
    assert tags == ["west_0.2_s", "west_0.6_s", "west_1.0_s"]
    assert [one.step for one in found.Images(tags[0])] == [1, 2]
    height, width = (2 * side for side in GRID_HW)
    assert (found.Images(tags[0])[0].height, found.Images(tags[0])[0].width) == (
        height,
        3 * width + 8,
    )


class _KnowingSource:
    """A street whose flow nobody could mistake for an estimate."""

    def flow(self, index: int, *, lag: int = 1) -> torch.Tensor:
        return torch.full((2, H, W), 5.0 * lag)


@pytest.mark.parametrize(("flow", "exact"), [("exact", True), ("dis", False)])
def test_exact_flow_is_shown_where_it_is_known_and_asked_for(
    tmp_path: Path, flow: str, *, exact: bool
) -> None:
    spec = Prepared(spec=Spec(name="a"), clips=(), knowing_flow={"street": _KnowingSource()})
    settings = PredictorRun(flow=flow)
    estimator = train_predictor_module._flow(settings, [spec], tmp_path)
    shown = estimator(_frame("street", 4), _frame("street", 1))
    assert bool((shown == 15).all()) is exact
    elsewhere = estimator(_frame("road", 4), _frame("road", 1))
    assert elsewhere.abs().max() < 1


def _frame(clip: str, index: int) -> Frame:
    at = Instant(clip=clip, index=index, pts_s=index / 17)
    return Frame(at=at, rgb=torch.zeros(3, H, W, dtype=torch.uint8))


def test_a_predictor_learns_from_streets_with_their_exact_flow(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    streets = [
        StreetSource(seed=seed, num_frames=12, fps=5.0, size_hw=(H, W), clip=f"street-{seed}")
        for seed in (1, 2)
    ]
    monkeypatch.setattr(training_clips, "training_sources", lambda spec: streets)
    path = _train(["street:2"], tmp_path, flow="exact", held_out=("street-2",), steps=1)
    card = read_card(path)
    assert card.terms == "Apache-2.0"
    assert card.recipe["flow"] == "exact"
    kept = {file.parent.name for file in (tmp_path / "flow").rglob("*.flow")}
    assert kept == {"exact"}


@pytest.mark.slow
@pytest.mark.timeout(300)
def test_two_processes_of_torchrun_leave_the_weights_of_the_best_scoring(
    folders: list[str], tmp_path: Path
) -> None:
    """Only the first scores and keeps: the others must neither prepare nor write over it."""
    words = [*folders, "-o", str(tmp_path), "--predictor", "conv-lstm", "--width", "0.125"]
    more = ["--fps", "5", "--steps", "2", "--batch", "1", "--score-every", "1"]
    run = ["-m", "torch.distributed.run", "--standalone", "--nproc-per-node", "2"]
    done = subprocess.run(
        [sys.executable, *run, "-m", "pipelines.cli", "train", "predictor", *words, *more],
        capture_output=True,
        text=True,
        check=False,
        timeout=200,
        env=os.environ | {"OMP_NUM_THREADS": "1"},
    )
    assert done.returncode == 0, done.stderr
    assert done.stdout.count("weights: ") == 1
    card = read_card(tmp_path / "conv-lstm.safetensors")
    assert "score" in card.scores
    state = torch.load(tmp_path / "state.pt", weights_only=True)
    kept = load_state(tmp_path / "conv-lstm.safetensors")
    assert all(torch.equal(kept[name], value) for name, value in state["best"]["weights"].items())


def test_a_teacher_is_not_built_for_clips_that_are_labelled(
    folders: list[str], tmp_path: Path
) -> None:
    settings = PredictorRun(
        data=tuple(folders),
        predictor="conv-lstm",
        width=0.125,
        steps=1,
        batch=1,
        fps=5.0,
        teacher=("espnetv2-s2.0",),
    )
    path = train_predictor(settings, out=tmp_path, teacher=lambda: pytest.fail("was built"))
    assert read_card(path).terms.startswith("those of the data")


@pytest.mark.parametrize(
    ("name", "more"), [("flow-guided-small", {}), ("conv-lstm", {"width": 0.125, "unroll": 2})]
)
def test_a_run_that_was_stopped_ends_with_the_same_weights(
    folders: list[str], tmp_path: Path, name: str, more: dict[str, object]
) -> None:
    """Windows, mirrors, strides and noise are drawn anew from the step alone."""
    chosen: dict[str, object] = {"predictor": name, "steps": 3, "score_every": 1, **more}
    whole = load_state(_train(folders, tmp_path / "whole", **chosen))

    class StoppedError(RuntimeError):
        pass

    def stop(progress: Progress) -> None:
        if progress.step == 2:
            raise StoppedError

    told = {"data": tuple(folders), "batch": 1, "fps": 5.0, "held_out": ("west",)}
    settings = PredictorRun(**(told | chosen))  # pyright: ignore[reportArgumentType]
    with pytest.raises(StoppedError):
        train_predictor(
            settings, out=tmp_path / "cut", teacher=None, audience=Audience(report=stop)
        )
    again = load_state(train_predictor(settings, out=tmp_path / "cut", teacher=None))
    assert all(torch.equal(whole[key], again[key]) for key in whole)
