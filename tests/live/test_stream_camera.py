"""`forecast stream` as a command: files that open and play however it ends."""

from __future__ import annotations

import json
import logging
import os
import signal
import socket
import threading
import time
from contextlib import ExitStack
from types import SimpleNamespace

import av
import numpy as np
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


def test_a_refiner_is_in_the_manifest_of_what_is_recorded(tmp_path):
    settings = StreamSettings(save=("recording",), record_for=2.0, refine=("temporal",))
    assert stream_camera([LIVE], tmp_path, settings) == 0
    (manifest,) = tmp_path.glob("*/recording/manifest.json")
    assert json.loads(manifest.read_text())["refiner"]


def _signal_once_it_writes(folder, number, *, told=None):
    """A thread that sends a signal as soon as a film in the folder holds a picture."""

    def send():
        deadline_s = time.monotonic() + 40
        while not any(film.stat().st_size > 2000 for film in folder.glob("*/overlay.mp4")):
            if time.monotonic() > deadline_s:
                break
            time.sleep(0.05)
        if told is not None:
            told.append(time.monotonic())
        os.kill(os.getpid(), number)

    sender = threading.Thread(target=send)
    sender.start()
    return sender


_SIGNALS = [(signal.SIGINT, 130), (signal.SIGTERM, 143), (signal.SIGHUP, 129)]


@pytest.mark.parametrize(("number", "code"), _SIGNALS)
def test_interrupted_or_terminated_the_files_are_whole(tmp_path, number, code):
    before = [(one, signal.getsignal(one)) for one, _ in _SIGNALS]
    signal.signal(signal.SIGINT, signal.default_int_handler)
    signal.signal(signal.SIGHUP, signal.SIG_DFL)
    timer = _signal_once_it_writes(tmp_path, number)
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


def _write(outputs, moments):
    for pts_s in moments:
        outputs.write(SimpleNamespace(frame=SimpleNamespace(at=SimpleNamespace(pts_s=pts_s))))


def test_a_full_disk_stops_the_writing_and_says_so_once(tmp_path, caplog):
    disk = _FullDisk(3)
    outputs = Outputs(tmp_path, lambda _: [disk], segment_s=None, shown="gate")
    with caplog.at_level(logging.WARNING):
        _write(outputs, [index / 10 for index in range(10)])
    assert (disk.written, disk.closed) == (4, True)
    assert "the disk is full" in outputs.trouble
    assert outputs.num_unwritten == 7
    assert caplog.text.count("forecasts go on") == 1


def test_after_a_full_disk_the_next_segment_is_tried_and_the_loss_not_forgotten(tmp_path):
    disks = iter([_FullDisk(3), _FullDisk(100)])
    outputs = Outputs(tmp_path, lambda _: [next(disks)], segment_s=1.0, shown="gate")
    _write(outputs, [index / 10 for index in range(10)])
    assert outputs.trouble
    _write(outputs, [1.0, 1.1])
    assert (outputs.trouble, outputs.num_unwritten) == ("", 7)
    assert "the disk is full" in outputs.first_fault


def test_a_folder_that_cannot_be_made_is_tried_again_with_the_next_segment(tmp_path):
    def opened(_):
        if opened.full:
            raise StorageError("no space")
        return [_FullDisk(100)]

    opened.full = True
    outputs = Outputs(tmp_path, opened, segment_s=1.0, shown="gate")
    _write(outputs, [0.0, 0.5])
    opened.full = False
    _write(outputs, [1.0])
    assert (outputs.trouble, outputs.num_unwritten) == ("", 2)


def test_what_is_missing_in_the_files_is_an_exit_code(tmp_path, monkeypatch, capsys):
    monkeypatch.setattr("pipelines.streaming.worker.OverlayVideo", lambda *_, **__: _FullDisk(2))
    words = ["stream", f"{LIVE}:duration=1", "--out", str(tmp_path), "--save", "overlay"]
    assert main(words) == 3
    assert "missing in the files: the disk is full" in capsys.readouterr().err


def test_a_second_run_writes_over_nothing(tmp_path, capsys):
    words = [
        "stream",
        f"{LIVE}:duration=0.6",
        "--out",
        str(tmp_path),
        "--save",
        "overlay,recording",
    ]
    kept = {}
    for run in (tmp_path, tmp_path / "run-2", tmp_path / "run-3"):
        assert main(words) == 0
        kept[run] = (run / "lavfi_testsrc" / "overlay.mp4").read_bytes()
        assert (run / "run.json").is_file()
    for run, film in kept.items():
        assert (run / "lavfi_testsrc" / "overlay.mp4").read_bytes() == film
    said = capsys.readouterr()
    assert "run-2" in said.out
    assert "--resume" not in said.out + said.err


def test_a_film_from_another_program_is_not_written_over(tmp_path):
    (tmp_path / "lavfi_testsrc").mkdir()
    film = tmp_path / "lavfi_testsrc" / "overlay.mp4"
    film.write_bytes(b"precious")
    assert (
        main(["stream", f"{LIVE}:duration=0.4", "--out", str(tmp_path), "--save", "overlay"]) == 0
    )
    assert film.read_bytes() == b"precious"


@pytest.fixture
def standard_input(monkeypatch):
    with ExitStack() as opened:

        def feed(path):
            monkeypatch.setattr("sys.stdin", opened.enter_context(path.open("rb")))

        yield feed


def test_standard_input_is_read_where_it_is_named(tmp_path, rig, standard_input):
    rig.encode(str(tmp_path / "film.mkv"), form="matroska", count=20)
    standard_input(tmp_path / "film.mkv")
    out = tmp_path / "out"
    assert main(["stream", "-", "--out", str(out), "--save", "overlay"]) == 0
    assert _num_playable(out / "stdin" / "overlay.mp4") == 20


def _index_at_the_end(path):
    noise = np.random.default_rng(0)
    with av.open(str(path), "w", format="mp4") as container:
        stream = container.add_stream("libx264", rate=25, options={"preset": "ultrafast"})
        stream.height, stream.width, stream.pix_fmt = 96, 160, "yuv420p"
        for _ in range(20):
            picture = noise.integers(0, 255, (96, 160, 3)).astype(np.uint8)
            container.mux(stream.encode(av.VideoFrame.from_ndarray(picture)))
        container.mux(stream.encode(None))


@pytest.mark.parametrize("given", ["nothing", "garbage", "index at the end"])
def test_what_cannot_be_read_from_standard_input_is_final_and_says_why(
    tmp_path, standard_input, given, capsys
):
    path = tmp_path / "given"
    if given == "index at the end":
        _index_at_the_end(path)
        says = r"index in front"
    else:
        size = 0 if given == "nothing" else 100_000
        path.write_bytes(np.random.default_rng(0).bytes(size))
        says = "before its first byte" if given == "nothing" else "MPEG-TS, Matroska"
    standard_input(path)
    assert main(["stream", "-"]) == 3
    assert says in capsys.readouterr().err


def test_standard_input_is_for_one_source_and_for_streams(tmp_path, capsys):
    assert main(["stream", "-", "-"]) == 2
    assert "named twice" in capsys.readouterr().err
    assert main(["process", "-", "-o", str(tmp_path)]) == 2
    assert "forecast stream -" in capsys.readouterr().err


@pytest.mark.parametrize(
    "address",
    [
        "rtsp://eve:s3cr3t99@127.0.0.1:1/x",
        "rtsp://127.0.0.1:1/user=eve&password=s3cr3t99&channel=1",
        "http://127.0.0.1:1/x?loginuse=eve&loginpas=s3cr3t99",
        "rtsp://eve:s3cr/3t99@127.0.0.1:1/x",
        "rtsp://eve:s3cr[3t99@127.0.0.1:1/x",
        "lavfi:movie=tcp\\\\://eve\\:s3cr3t99@127.0.0.1\\:1",
    ],
)
def test_no_secret_leaves_the_command(tmp_path, address, capfd, caplog):
    words = ["stream", address, "--retries", "0", "--out", str(tmp_path), "--save", "overlay"]
    with caplog.at_level(logging.INFO):
        assert main(words) in (2, 3, 4)
    said = capfd.readouterr()
    written = "".join(
        f"{one} {one.read_text() if one.is_file() else ''}" for one in tmp_path.rglob("*")
    )
    for text in (said.out, said.err, caplog.text, written):
        assert "3t99" not in text


def test_a_secret_in_process_is_not_shown_either(tmp_path, capsys):
    assert main(["process", "rtsp://eve:s3cr3t99@camera/x", "-o", str(tmp_path)]) == 2
    assert "s3cr3t99" not in capsys.readouterr().err


def test_a_source_that_never_gave_a_frame_is_no_success(capsys):
    with socket.create_server(("127.0.0.1", 0)) as silent:
        port = silent.getsockname()[1]
        words = ["stream", f"tcp://127.0.0.1:{port}", "--record-for", "0.5", "--open-timeout", "1"]
        assert main(words) == 4
    assert "never gave a frame" in capsys.readouterr().err


def test_a_signal_ends_it_within_two_seconds_though_a_connection_hangs(tmp_path):
    before = [(one, signal.getsignal(one)) for one, _ in _SIGNALS]
    signal.signal(signal.SIGINT, signal.default_int_handler)
    sent = []
    with socket.create_server(("127.0.0.1", 0)) as silent:
        hangs = f"rtsp://127.0.0.1:{silent.getsockname()[1]}/x"
        timer = _signal_once_it_writes(tmp_path, signal.SIGINT, told=sent)
        try:
            words = ["stream", hangs, LIVE, "--out", str(tmp_path), "--save", "overlay"]
            assert main([*words, "--open-timeout", "6"]) == 130
            took_s = time.monotonic() - sent[0]
        finally:
            timer.join()
            for one, handler in before:
                signal.signal(one, handler)
    assert took_s < 2.5
    assert _num_playable(tmp_path / "lavfi_testsrc" / "overlay.mp4") > 0
