"""The `.rrd` file, read back with Rerun's own reader."""

from __future__ import annotations

import os
import re
import subprocess
import sys

import pytest
import torch

from forecast.errors import StorageError, UsageError
from forecast.labels import CITYSCAPES
from forecast.storage.rerun_file import RerunFile
from forecast.values import Forecast, Frame, Instant, Segmentation, Step

_WITH_RERUN = "needs the `rerun` extra: install segmentation-forecast[rerun]"


def _step(index):
    at = Instant(clip="c", index=index, pts_s=index / 25)
    probs = torch.rand(19, 8, 16, generator=torch.Generator().manual_seed(index))
    return Step(
        frame=Frame(at=at, rgb=torch.zeros(3, 32, 64, dtype=torch.uint8)),
        segmentation=Segmentation(at=at, space=CITYSCAPES, size_hw=(32, 64), probs=probs),
        forecast={
            0.5: Forecast(origin=at, horizon_s=0.5, served_s=0.48, space=CITYSCAPES, probs=probs)
        },
        latency_ms={"segment": 3.0},
    )


def _printed(path, tmp_path):
    """Every chunk of the file, as `rerun rrd print` says it."""
    # A home of its own, and no word to anyone.
    quiet = {**os.environ, "HOME": str(tmp_path), "DO_NOT_TRACK": "1"}
    words = [sys.executable, "-m", "rerun", "rrd"]
    subprocess.run([*words, "verify", str(path)], check=True, capture_output=True, env=quiet)
    done = subprocess.run(
        [*words, "print", str(path)], check=True, capture_output=True, text=True, env=quiet
    )
    found = re.findall(r"with (\d+) rows .*? - (/\S*) - data columns: \[(\w+):", done.stdout)
    return {entity: (int(rows), kind) for rows, entity, kind in found}


@pytest.mark.slow
def test_every_step_is_read_back_with_its_picture_and_labels_now_and_ahead(tmp_path):
    pytest.importorskip("rerun", reason=_WITH_RERUN)
    path = tmp_path / "new" / "stream.rrd"
    sink = RerunFile(path, space=CITYSCAPES)
    for index in range(5):
        sink.write(_step(index))
    sink.close()
    sink.close()
    found = _printed(path, tmp_path)
    assert found["/now/camera"] == (5, "EncodedImage")
    assert found["/now/labels"] == (5, "SegmentationImage")
    assert found["/ahead/0.5s"] == (5, "SegmentationImage")
    assert found["/latency_ms/segment"] == (5, "Scalars")
    assert found["/"] == (1, "AnnotationContext")


def test_without_the_extra_it_says_what_to_install(tmp_path, monkeypatch):
    monkeypatch.setitem(sys.modules, "rerun", None)
    with pytest.raises(UsageError, match=r"\[rerun\]"):
        RerunFile(tmp_path / "x.rrd", space=CITYSCAPES)


def test_a_file_that_cannot_be_written_is_said_in_one_line(tmp_path):
    pytest.importorskip("rerun", reason=_WITH_RERUN)
    (tmp_path / "taken").write_text("")
    with pytest.raises(StorageError, match="cannot be written"):
        RerunFile(tmp_path / "taken" / "x.rrd", space=CITYSCAPES)
