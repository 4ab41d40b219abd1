"""`--refine` as a person types it: what is recorded, resumed, scored and refused."""

from __future__ import annotations

import json
from collections.abc import Iterator
from contextlib import AbstractContextManager, contextmanager
from pathlib import Path

import cv2
import numpy as np
import pytest

import forecast
from forecast.errors import SourceError
from forecast.sources.find import find_sources
from forecast.stages import FrameSource
from forecast.storage.recording import Recording
from forecast.values import Frame
from pipelines import cli

LIGHT = ["--segmenter-size", "64x128"]
NUM_FRAMES = 36


@pytest.fixture(scope="module")
def drive(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder of pictures, each two pixels to the left of the one before."""
    folder = tmp_path_factory.mktemp("pictures") / "drive"
    folder.mkdir()
    scene = np.random.default_rng(0).integers(0, 255, (8, 18 + NUM_FRAMES, 3), np.uint8)
    scene = cv2.resize(scene, None, fx=4, fy=4, interpolation=cv2.INTER_CUBIC)
    for index in range(NUM_FRAMES):
        cv2.imwrite(str(folder / f"{index:03d}.png"), scene[:, 2 * index : 2 * index + 64])
    return folder


class Cut:
    """A source that breaks after some frames."""

    def __init__(self, source: FrameSource, after: int) -> None:
        self._source = source
        self._after = after

    def __getattr__(self, name: str) -> object:
        return getattr(self._source, name)

    def open(self, only: object = None) -> AbstractContextManager[Iterator[Frame]]:
        @contextmanager
        def opened() -> Iterator[Iterator[Frame]]:
            with self._source.open(only) as frames:
                yield self._until(frames)

        return opened()

    def _until(self, frames: Iterator[Frame]) -> Iterator[Frame]:
        for frame in frames:
            if frame.at.index == self._after:
                raise SourceError("the cable was pulled")
            yield frame


def _settings(**changes: object) -> forecast.ProcessSettings:
    told = {"segmenter_size": (64, 128), "save": ("recording",), "refine": ("temporal",)}
    return forecast.ProcessSettings(**(told | {"predictor": "copy-last"} | changes))


def test_stopped_and_resumed_a_smoothed_recording_equals_one_never_stopped(
    drive: Path, tmp_path: Path
) -> None:
    (source,) = find_sources(str(drive), fps=17.0)
    with pytest.raises(SourceError, match="cable"):
        forecast.process(Cut(source, 34), tmp_path / "a", _settings())
    assert 0 < Recording(tmp_path / "a" / "drive").num_frames < NUM_FRAMES
    forecast.process(source, tmp_path / "a", _settings(resume=True))
    forecast.process(source, tmp_path / "b", _settings())
    resumed, whole = (Recording(tmp_path / name / "drive") for name in "ab")
    assert resumed.complete
    assert resumed.content_hash() == whole.content_hash()


def test_resuming_with_another_refiner_is_refused(
    drive: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    words = ["process", str(drive), "-o", str(tmp_path), *LIGHT, "--fps", "17"]
    words += ["--save", "recording", "--predictor", "copy-last"]
    assert cli.main([*words, "--refine", "temporal,small-regions"]) == 0
    assert cli.main([*words, "--refine", "temporal", "--resume"]) == 2
    assert "recorded with refiner" in capsys.readouterr().err
    assert cli.main([*words, "--refine", "ema,small-regions", "--resume"]) == 0


def _report(folder: Path) -> dict[str, object]:
    return json.loads((folder / "report.json").read_text())


def test_an_evaluation_says_what_refined_and_what_that_costs(drive: Path, tmp_path: Path) -> None:
    words = ["evaluate", str(drive), *LIGHT, "--fps", "17", "--predictors", "copy-last"]
    words += ["--horizons", "0.2", "--every", "99"]
    targets = ["--targets", "segmenter,unrefined"]
    assert cli.main([*words, "-o", str(tmp_path / "raw")]) == 0
    assert cli.main([*words, "-o", str(tmp_path / "ema"), "--refine", "ema", *targets]) == 0
    raw, refined = _report(tmp_path / "raw"), _report(tmp_path / "ema")
    assert raw["protocol"]["hash"] != refined["protocol"]["hash"]
    assert refined["protocol"]["segmenter"] == "fddwnet-small + temporal"
    # Inputs at 0, 3, 6, 9, the frame before the last, the target; and every one up to that.
    assert "13 were segmented and refined, where at most 6" in " ".join(refined["notes"])
    by_target = {
        row["target"]: row["miou"] for row in refined["results"] if row["predictor"] == "ceiling"
    }
    assert by_target["segmenter"] == 1
    assert by_target["unrefined"] < 1


@pytest.mark.parametrize(
    ("words", "said"),
    [
        (["--refine", "smooth"], "known: temporal"),
        (["--segmenter", "annotations", "--refine", "temporal"], "annotations are exact"),
        (["--targets", "unrefined"], "cannot be held to unrefined"),
    ],
)
def test_what_cannot_be_refined_ends_in_one_line(
    words: list[str],
    said: str,
    drive: Path,
    tmp_path: Path,
    capsys: pytest.CaptureFixture[str],
) -> None:
    assert cli.main(["evaluate", str(drive), "-o", str(tmp_path), "--fps", "17", *words]) == 2
    error = capsys.readouterr().err
    assert said in error
    assert error.count("\n") == 1
