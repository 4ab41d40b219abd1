"""The overlay plays, keeps time, and shows now beside what will be."""

from __future__ import annotations

import os
import subprocess
import sys
from collections.abc import Sequence
from contextlib import closing
from pathlib import Path

import av
import numpy as np
import pytest
import torch

from forecast.engine.write_behind import WriteBehind
from forecast.errors import StorageError
from forecast.labels import CAMVID, CITYSCAPES
from forecast.stages import Sink
from forecast.storage.overlay import Overlay
from forecast.storage.overlay_video import OverlayVideo
from forecast.values import Forecast, Frame, Instant, Segmentation, Step


def step(index: int, pts_s: float, epoch: int = 0) -> Step:
    at = Instant(clip="a", index=index, pts_s=pts_s, epoch=epoch)
    ids = torch.zeros(32, 64, dtype=torch.uint8)
    ids[16:, 20:40] = 8
    probs = torch.zeros(11, 8, 16)
    probs[3] = 1.0
    ahead = Forecast(origin=at, horizon_s=0.5, served_s=0.53, space=CAMVID, probs=probs)
    return Step(
        frame=Frame(at=at, rgb=torch.full((3, 32, 64), 200, dtype=torch.uint8)),
        segmentation=Segmentation(at=at, space=CAMVID, size_hw=(32, 64), ids=ids),
        forecast={0.5: ahead} if index else {},
        latency_ms={},
    )


def video(path: Path, moments_s: Sequence[float]) -> OverlayVideo:
    made = OverlayVideo(path, space=CAMVID)
    for index, pts_s in enumerate(moments_s):
        made.write(step(index, pts_s))
    return made


def played(path: Path) -> list[float]:
    with av.open(str(path)) as opened:
        return [float(frame.pts * frame.time_base) for frame in opened.decode(video=0)]


def test_irregular_timestamps_survive(tmp_path: Path) -> None:
    moments_s = [0.0, 0.04, 0.1, 0.11, 0.3, 0.333, 0.5]
    made = video(tmp_path / "v.mp4", moments_s)
    assert isinstance(made, Sink)
    made.close()
    made.close()
    assert played(tmp_path / "v.mp4") == pytest.approx(moments_s, abs=1e-4)


def test_a_new_epoch_goes_on_where_the_last_one_ended(tmp_path: Path) -> None:
    with closing(OverlayVideo(tmp_path / "v.mp4", space=CAMVID)) as made:
        for epoch in range(2):
            for index in range(3):
                made.write(step(index, index / 10, epoch))
    assert played(tmp_path / "v.mp4") == pytest.approx([0, 0.1, 0.2, 0.24, 0.34, 0.44], abs=1e-4)


def test_it_is_tagged_as_what_it_is(tmp_path: Path) -> None:
    video(tmp_path / "v.mp4", [0.0, 0.1]).close()
    with av.open(str(tmp_path / "v.mp4")) as opened:
        frame = next(opened.decode(video=0))
        assert frame.format.name == "yuv420p"
        assert (int(frame.colorspace), int(frame.color_range)) == (1, 1)
        assert frame.width % 2 == frame.height % 2 == 0


@pytest.mark.parametrize("size_hw", [(32, 64), (31, 63), (375, 1242), (1080, 1920), (640, 360)])
def test_the_picture_has_even_sides_and_a_bounded_width(size_hw: tuple[int, int]) -> None:
    overlay = Overlay(CITYSCAPES, size_hw=size_hw)
    height, width = overlay.size_hw
    assert height % 2 == width % 2 == 0
    assert width <= 1924
    picture = overlay.draw(
        np.zeros((*size_hw, 3), np.uint8),
        np.zeros(size_hw, np.uint8),
        None,
        title="now",
        time="0 s",
        ahead_title="+0.5 s",
    )
    assert picture.shape == (height, width, 3)


def test_each_half_shows_the_colours_of_its_labels() -> None:
    overlay = Overlay(CAMVID, size_hw=(240, 480))
    now, ahead = np.full((240, 480), 3, np.uint8), np.full((24, 48), 5, np.uint8)
    rgb = np.zeros((240, 480, 3), np.uint8)
    picture = overlay.draw(rgb, now, ahead, title="", time="", ahead_title="")
    middle = picture[150]
    road, tree = np.array(CAMVID.palette()[3], float), np.array(CAMVID.palette()[5], float)
    np.testing.assert_allclose(middle[200], road * 0.5, atol=2)
    np.testing.assert_allclose(middle[700], tree * 0.62, atol=2)


def test_an_interrupt_leaves_a_video_that_plays(tmp_path: Path) -> None:
    def interrupted() -> None:
        writing = WriteBehind([OverlayVideo(tmp_path / "v.mp4", space=CAMVID)])
        try:
            for index in range(7):
                writing.write(step(index, index / 10))
            raise KeyboardInterrupt
        finally:
            writing.close()

    with pytest.raises(KeyboardInterrupt):
        interrupted()
    assert len(played(tmp_path / "v.mp4")) == 7


_KILLED = """
import importlib.util, os, signal, sys
from pathlib import Path
spec = importlib.util.spec_from_file_location("drawn", {here!r})
drawn = importlib.util.module_from_spec(spec)
spec.loader.exec_module(drawn)
drawn.video(Path(sys.argv[1]), [index / 25 for index in range(90)])
os.kill(os.getpid(), signal.SIGKILL)
"""


@pytest.mark.slow
def test_what_was_written_before_a_kill_plays(tmp_path: Path) -> None:
    path = tmp_path / "v.mp4"
    subprocess.run([sys.executable, "-c", _KILLED.format(here=__file__), str(path)], check=False)
    assert len(played(path)) >= 50


@pytest.mark.skipif(not os.access("/dev/full", os.W_OK), reason="there is no /dev/full")
def test_a_full_disk_is_one_line() -> None:
    made = OverlayVideo(Path("/dev/full"), space=CAMVID)
    with pytest.raises(StorageError, match="/dev/full cannot be written: No space left"):
        write_and_close(made)


def write_and_close(made: OverlayVideo) -> None:
    for index in range(40):
        made.write(step(index, index / 25))
    made.close()
