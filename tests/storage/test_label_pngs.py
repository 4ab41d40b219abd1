"""Label pictures carry the ids and names that Cityscapes' tools expect."""

from __future__ import annotations

import errno
import os
from pathlib import Path

import cv2
import numpy as np
import pytest
import torch
from cityscapesscripts.helpers.labels import trainId2label

from forecast.errors import StorageError, UsageError
from forecast.labels import CAMVID, CITYSCAPES
from forecast.stages import Sink
from forecast.storage.label_pngs import LabelPngs
from forecast.values import Forecast, Frame, Instant, Segmentation, Step

IDS = torch.arange(19, dtype=torch.uint8).repeat(2, 1)


def step() -> Step:
    at = Instant(clip="aachen", index=7, pts_s=0.0)
    probs = torch.zeros(19, 1, 1)
    probs[13] = 1.0
    ahead = Forecast(origin=at, horizon_s=0.5, served_s=0.529, space=CITYSCAPES, probs=probs)
    return Step(
        frame=Frame(at=at, rgb=torch.zeros(3, 2, 19, dtype=torch.uint8)),
        segmentation=Segmentation(at=at, space=CITYSCAPES, size_hw=(2, 19), ids=IDS),
        forecast={0.5: ahead},
        latency_ms={},
    )


def read(path: Path) -> np.ndarray:
    return cv2.imread(str(path), cv2.IMREAD_UNCHANGED)


def test_every_layout_is_written_for_now_and_ahead(tmp_path: Path) -> None:
    sink = LabelPngs(tmp_path, space=CITYSCAPES, layouts=("train-ids", "label-ids", "colour"))
    assert isinstance(sink, Sink)
    sink.write(step())
    sink.close()
    names = sorted(str(path.relative_to(tmp_path)) for path in tmp_path.rglob("*.png"))
    kinds = ("color", "labelIds", "labelTrainIds")
    assert names == [f"aachen_000007_{kind}.png" for kind in kinds] + [
        f"forecast_0.53s/aachen_000007_{kind}.png" for kind in kinds
    ]
    np.testing.assert_array_equal(read(tmp_path / "aachen_000007_labelTrainIds.png"), IDS.numpy())
    wanted = [trainId2label[index].id for index in range(19)]
    assert read(tmp_path / "aachen_000007_labelIds.png")[0].tolist() == wanted
    colours = read(tmp_path / "aachen_000007_color.png")[0, :, ::-1]
    assert colours.tolist() == [list(trainId2label[index].color) for index in range(19)]
    ahead = read(tmp_path / "forecast_0.53s" / "aachen_000007_labelTrainIds.png")
    assert ahead.shape == (2, 19)
    assert (ahead == 13).all()


def test_label_ids_are_refused_outside_cityscapes(tmp_path: Path) -> None:
    with pytest.raises(UsageError, match="the labels are camvid; ask for train-ids"):
        LabelPngs(tmp_path, space=CAMVID, layouts=("label-ids",))


def test_a_full_disk_is_one_line_and_leaves_no_half_file(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def full(_: int) -> None:
        raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))

    # Where a full disk shows at the latest: all else may wait in the system's buffers.
    monkeypatch.setattr(os, "fsync", full)
    with pytest.raises(StorageError, match="No space left on device; free some space"):
        LabelPngs(tmp_path, space=CITYSCAPES).write(step())
    assert not [path for path in tmp_path.rglob("*") if path.is_file()]
