"""`forecast stream` as a command: files that open and play however it ends."""

from __future__ import annotations

import logging
import os
import signal
import threading
import time

import av
import pytest
import torch

from forecast import catalogue
from forecast.errors import SourceLostError, StorageError, UsageError
from forecast.labels import CITYSCAPES
from forecast.storage.recording import Recording
from forecast.values import Segmentation
from pipelines.cli import main
from pipelines.stream_camera import stream_camera
from pipelines.streaming.outputs import Outputs
from pipelines.streaming.settings import StreamSettings

LIVE = "lavfi:testsrc=size=64x32:rate=25"


class _AllRoad:
    name, space, fingerprint = "all-road", CITYSCAPES, "all-road"

    def __call__(self, frames):
        probs = torch.zeros(19, 8, 16)
        probs[0] = 1
        return [
            Segmentation(at=one.at, space=CITYSCAPES, size_hw=one.size_hw, probs=probs)
            for one in frames
        ]


@pytest.fixture(autouse=True)
def _tiny_network(monkeypatch):
    monkeypatch.setattr(catalogue, "build_segmenter", lambda *_, **__: _AllRoad())


def _num_playable(path):
    with av.open(str(path)) as film:
        return sum(1 for _ in film.decode(video=0))


def test_a_timed_run_leaves_a_recording_and_a_film_that_plays(tmp_path):
    settings = StreamSettings(save=("recording", "overlay"), record_for=2.0)
    assert stream_camera([LIVE], tmp_path, settings) == 0
    (folder,) = (one for one in tmp_path.iterdir() if one.is_dir())
    recording = Recording(folder / "recording")
    assert recording.labels.shape[0] > 10
    assert _num_playable(folder / "overlay.mp4") == recording.labels.shape[0]
    assert (tmp_path / "run.json").is_file()


@pytest.mark.parametrize(("number", "code"), [(signal.SIGINT, 130), (signal.SIGTERM, 143)])
def test_interrupted_or_terminated_the_files_are_whole(tmp_path, number, code):
    before = [(one, signal.getsignal(one)) for one in (signal.SIGINT, signal.SIGTERM)]
    signal.signal(signal.SIGINT, signal.default_int_handler)
    timer = threading.Timer(1.5, os.kill, (os.getpid(), number))
    timer.start()
    try:
        words = ["stream", LIVE, "--out", str(tmp_path), "--save", "recording,overlay"]
        assert main(words) == code
    finally:
        timer.join()
        for one, handler in before:
            signal.signal(one, handler)
    (folder,) = (one for one in tmp_path.iterdir() if one.is_dir())
    recording = Recording(folder / "recording")
    assert _num_playable(folder / "overlay.mp4") == recording.labels.shape[0] > 0
    left = [one.name for one in threading.enumerate()]
    assert not [name for name in left if name.startswith(("stream", "live"))]


def test_segments_are_whole_files_of_their_own(tmp_path):
    settings = StreamSettings(save=("overlay",), record_for=2.5, segment_minutes=1 / 60)
    stream_camera([LIVE], tmp_path, settings)
    films = sorted(tmp_path.glob("*/*/overlay.mp4"))
    assert [film.parent.name for film in films][:2] == ["000", "001"]
    assert all(_num_playable(film) > 0 for film in films)


def test_one_source_that_is_lost_leaves_the_other_running_and_is_reported(tmp_path):
    settings = StreamSettings(save=("overlay",), retries=1)
    began_s = time.monotonic()
    with pytest.raises(SourceLostError) as caught:
        stream_camera(
            ["tcp://eve:s3cr3t99@127.0.0.1:1", f"{LIVE}:duration=1.5"], tmp_path, settings
        )
    assert caught.value.exit_code == 4
    assert "s3cr3t99" not in str(caught.value)
    assert time.monotonic() - began_s > 1.5
    assert len(list(tmp_path.glob("lavfi*/overlay.mp4"))) == 1
    assert "s3cr3t99" not in "".join(str(one) for one in tmp_path.rglob("*"))
    assert "s3cr3t99" not in (tmp_path / "run.json").read_text()


def test_two_sources_of_one_name_get_folders_of_their_own(tmp_path):
    settings = StreamSettings(save=("overlay",), record_for=1.2)
    stream_camera([LIVE, LIVE], tmp_path, settings)
    assert len(list(tmp_path.glob("*/overlay.mp4"))) == 2


def test_what_is_saved_needs_a_folder():
    with pytest.raises(UsageError, match="--out"):
        stream_camera([LIVE], None, StreamSettings(save=("overlay",)))


def test_all_bad_settings_are_reported_together():
    with pytest.raises(UsageError, match=r"policy.*save has.*retries"):
        stream_camera([LIVE], None, StreamSettings(policy="x", save=("y",), retries=-2))


def test_a_page_for_others_needs_a_token():
    with pytest.raises(UsageError, match="--token"):
        stream_camera([LIVE], None, StreamSettings(serve="0.0.0.0:0"))


class _FullDisk:
    def __init__(self, good):
        self.good, self.written, self.closed = good, 0, False

    def write(self, step):
        self.written += 1
        if self.written > self.good:
            raise StorageError("the disk is full; free some space")

    def close(self):
        self.closed = True


def test_a_full_disk_stops_the_writing_and_says_so_once(tmp_path, caplog):
    from types import SimpleNamespace as Some

    disk = _FullDisk(3)
    outputs = Outputs(tmp_path, lambda _: [disk], segment_s=None, shown="gate")
    with caplog.at_level(logging.WARNING):
        for index in range(10):
            outputs.write(Some(frame=Some(at=Some(pts_s=index / 10))))
    assert (disk.written, disk.closed) == (4, True)
    assert "the disk is full" in outputs.trouble
    assert caplog.text.count("forecasts go on") == 1
