"""Training from what `forecast process --save soft` left, with and without the pictures."""

from __future__ import annotations

import json
import shutil
from pathlib import Path

import numpy as np
import pytest
import torch
from PIL import Image

from forecast.checkpoints import read_card
from forecast.errors import SourceError, UsageError
from forecast.geometry.resize import resize_rgb
from forecast.specs import parsed
from forecast.storage.recording import Recording
from forecast.training.data.clips import Clip
from forecast.training.data.prepare import Preparation, prepare
from forecast.training.data.recordings import recordings_in, stretches
from forecast.training.predictor import train_predictor
from forecast.training.settings import PredictorRun
from pipelines import cli

FRAMES, FPS, GRID = 14, 5.0, (8, 16)


@pytest.fixture(scope="module")
def made(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Two clips in `rgb`, and what was recorded of them in `out`."""
    root = tmp_path_factory.mktemp("made")
    noise = np.random.default_rng(0)
    for name in ("east", "west"):
        (root / name).mkdir()
        scene = noise.integers(0, 255, (4, 16, 3), np.uint8).repeat(8, 0).repeat(8, 1)
        for index in range(FRAMES):
            picture = np.ascontiguousarray(scene[:, 4 * index : 4 * index + 64])
            Image.fromarray(picture).save(root / name / f"{index:06}.png")
    words = ["process", str(root / "east"), str(root / "west"), "-o", str(root / "out")]
    more = ["--save", "soft", "--fps", str(FPS), "--segmenter-size", "32x64"]
    assert cli.main([*words, *more, "--horizons", "0.2"]) == 0
    return root


def _prepared(spec: Path, folder: Path, *, pictures: bool) -> list[Clip]:
    how = Preparation(folder=folder, teacher=None, grid_hw=GRID, pictures=pictures)
    (one,) = prepare([parsed(str(spec), fps=None)], how, say=lambda _: None)
    return list(one.clips)


def test_a_folder_of_recordings_means_all_of_them(made: Path):
    assert [one.name for one in recordings_in(made / "out")] == ["east", "west"]
    assert [one.name for one in recordings_in(made / "out" / "west")] == ["west"]
    assert recordings_in(made / "east") == []


def test_maps_are_those_that_were_recorded(made: Path, tmp_path: Path):
    clips = _prepared(made / "out", tmp_path, pictures=False)
    assert [one.header.name for one in clips] == ["east", "west"]
    assert clips[0].header.frame_s == pytest.approx(1 / FPS)
    assert not clips[0].has_pictures
    recorded = np.asarray(Recording(made / "out" / "east").soft[3]).astype(np.float32)
    pooled = torch.nn.functional.adaptive_avg_pool2d(torch.from_numpy(recorded)[None], GRID)[0]
    kept = clips[0].belief(3).float()
    assert (pooled.argmax(dim=0) == kept.argmax(dim=0)).float().mean() > 0.95


def test_pictures_are_those_that_were_processed(made: Path, tmp_path: Path):
    clip = _prepared(made / "out" / "east", tmp_path, pictures=True)[0]
    original = np.asarray(Image.open(made / "east" / "000005.png")).transpose(2, 0, 1)
    kept = clip.frame(5).rgb
    wanted = resize_rgb(torch.from_numpy(original.copy()), clip.frame(5).size_hw)
    assert torch.equal(kept, wanted)


def test_a_clip_prepared_without_pictures_is_prepared_again_when_they_are_needed(
    made: Path, tmp_path: Path
):
    assert not _prepared(made / "out" / "east", tmp_path, pictures=False)[0].has_pictures
    assert _prepared(made / "out" / "east", tmp_path, pictures=True)[0].has_pictures


def _moved(made: Path, tmp_path: Path) -> Path:
    shutil.copytree(made / "out", tmp_path / "out")
    run = json.loads((tmp_path / "out" / "run.json").read_text())
    run["sources"] = [str(tmp_path / "gone")]
    (tmp_path / "out" / "run.json").write_text(json.dumps(run))
    return tmp_path / "out"


def test_pictures_that_are_gone_are_missed_only_where_they_are_needed(made: Path, tmp_path: Path):
    out = _moved(made, tmp_path)
    assert len(_prepared(out, tmp_path / "a", pictures=False)) == 2
    with pytest.raises(SourceError, match=r"gone, which is not there any more.*s2s, s2s-dil"):
        _prepared(out, tmp_path / "b", pictures=True)


def test_pictures_that_changed_are_not_taken(made: Path, tmp_path: Path):
    out = _moved(made, tmp_path)
    shutil.copytree(made / "east", tmp_path / "gone" / "east")
    run = json.loads((out / "run.json").read_text()) | {"sources": [str(tmp_path / "gone/east")]}
    (out / "run.json").write_text(json.dumps(run))
    assert _prepared(out / "east", tmp_path / "a", pictures=True)[0].has_pictures
    Image.new("RGB", (64, 32)).save(tmp_path / "gone" / "east" / "000001.png")
    with pytest.raises(SourceError, match="or has changed"):
        _prepared(out / "east", tmp_path / "b", pictures=True)


def test_a_recording_without_soft_maps_says_how_to_get_them(made: Path, tmp_path: Path):
    words = ["process", str(made / "east"), "-o", str(tmp_path / "hard"), "--save", "recording"]
    more = ["--fps", str(FPS), "--segmenter-size", "32x64", "--horizons", "0.2"]
    assert cli.main([*words, *more]) == 0
    with pytest.raises(UsageError, match="--save soft"):
        _prepared(tmp_path / "hard", tmp_path / "clips", pictures=False)


def test_a_gap_in_time_parts_a_recording(made: Path, monkeypatch: pytest.MonkeyPatch):
    times = np.arange(FRAMES) / FPS
    times[9:] += 1.0
    monkeypatch.setattr(Recording, "pts_s", property(lambda _: times))
    parts = list(stretches(made / "out" / "east"))
    assert [part.rows for part in parts] == [range(9), range(9, FRAMES)]
    assert [part.name for part in parts] == ["east_0_0", "east_0_9"]


@pytest.mark.parametrize(
    ("predictor", "more"),
    [("conv-lstm", {"width": 0.125}), ("flow-guided-small", {}), ("x2x", {"width": 0.0625})],
)
def test_a_predictor_learns_from_recordings(
    made: Path, tmp_path: Path, predictor: str, more: dict[str, float]
):
    settings = PredictorRun(
        data=(f"{made / 'out' / 'east'}=2", str(made / "out" / "west")),
        predictor=predictor,
        steps=1,
        batch=1,
        score_every=1,
        **more,  # pyright: ignore[reportArgumentType]
    )
    card = read_card(train_predictor(settings, out=tmp_path, teacher=None))
    assert [one.name for one in card.learnt_from] == ["east", "west"]
    assert all(one.sha256 for one in card.learnt_from)
    assert str(made) not in repr(card)
