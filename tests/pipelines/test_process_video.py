"""`forecast process` as a person meets it: outputs, faults, interruption, resumption."""

import signal
import subprocess
import sys
import time
from pathlib import Path

import av
import numpy as np
import pytest
import torch
from PIL import Image

from forecast.checkpoints import ModelCard, save
from forecast.storage.recording import Recording
from pipelines import cli

HW = (64, 96)
LIGHT = ["--segmenter-size", "64x96"]


def _video(path, num_frames, fps=15):
    rng = np.random.default_rng(0)
    scene = rng.integers(0, 255, (HW[0], HW[1] + 2 * num_frames, 3), np.uint8)
    with av.open(str(path), "w") as output:
        stream = output.add_stream("libx264", rate=fps, options={"crf": "20"})
        stream.height, stream.width, stream.pix_fmt = *HW, "yuv420p"
        for index in range(num_frames):
            picture = np.ascontiguousarray(scene[:, 2 * index : 2 * index + HW[1]])
            output.mux(stream.encode(av.VideoFrame.from_ndarray(picture, format="rgb24")))
        output.mux(stream.encode())
    return path


@pytest.fixture(scope="module")
def drive(tmp_path_factory):
    return _video(tmp_path_factory.mktemp("video") / "drive.mp4", 24)


def _num_playable(path):
    with av.open(str(path)) as container:
        return sum(1 for _ in container.decode(video=0))


def test_a_video_becomes_a_recording_an_overlay_and_label_pictures(drive, tmp_path):
    words = ["process", str(drive), "-o", str(tmp_path), *LIGHT, "--horizons", "0.2,0.4"]
    assert cli.main([*words, "--save", "recording,overlay,labels"]) == 0
    recording = Recording(tmp_path / "drive")
    assert recording.complete
    assert recording.labels.shape == (24, *HW)
    assert recording.served_s == pytest.approx([0.2, 0.4])
    assert recording.forecast(0, 0.2) is None
    assert recording.forecast(12, 0.4) is not None
    assert _num_playable(tmp_path / "drive.mp4") == 24
    assert len(list((tmp_path / "drive-labels").glob("*_labelTrainIds.png"))) == 24
    assert (tmp_path / "run.json").exists()


@pytest.mark.parametrize(
    ("words", "code", "said"),
    [
        (["nowhere.mp4"], 3, "nowhere.mp4"),
        (["{drive}", "--segmenter", "fastscnn"], 2, "fast-scnn"),
        (["{drive}", "--predictor", "flow-warped"], 2, "flow-warp"),
        (["{drive}", "--segmenter", "espnetv2-s2.0"], 3, "--weights"),
        (["{drive}", "--weights", "{other}"], 3, "other.safetensors"),
        (["{drive}", "--flow", "raft-small"], 2, "--flow-weights"),
        (["{drive}", "--device", "tpu"], 2, "cpu"),
        (["{short}"], 2, "needs"),
        (["{text}"], 3, "notes.mp4"),
        (["{empty}"], 2, "pictures"),
    ],
)
def test_bad_input_ends_in_one_line(words, code, said, drive, tmp_path, capsys):
    card = ModelCard(name="other", network="other", space="cityscapes", terms="none")
    save(tmp_path / "other.safetensors", {"weight": torch.zeros(3)}, card)
    (tmp_path / "notes.mp4").write_text("no video at all")
    (tmp_path / "empty").mkdir()
    named = {
        "drive": drive,
        "other": tmp_path / "other.safetensors",
        "short": _video(tmp_path / "short.mp4", 1),
        "text": tmp_path / "notes.mp4",
        "empty": tmp_path / "empty",
    }
    filled = [word.format(**named) for word in words]
    assert cli.main(["process", *filled, "-o", str(tmp_path / "out"), *LIGHT]) == code
    shown = capsys.readouterr().err
    assert said in shown
    assert shown.count("\n") == 1
    assert not list((tmp_path / "out").glob("*.mp4"))


def test_a_truncated_video_keeps_what_was_decoded_and_says_what_was_lost(tmp_path, capsys):
    whole = _video(tmp_path / "whole.mkv", 24)
    content = whole.read_bytes()
    cut = tmp_path / "cut.mkv"
    cut.write_bytes(content[: len(content) * 2 // 3])
    words = ["process", str(cut), "-o", str(tmp_path / "out"), *LIGHT]
    assert cli.main(words) == 3
    shown = capsys.readouterr().err
    assert "stops decoding at" in shown
    recording = Recording(tmp_path / "out" / "cut")
    assert 0 < recording.num_frames < 24
    assert not recording.complete
    assert _num_playable(tmp_path / "out" / "cut.mp4") == recording.num_frames


def _started(video, out, *more):
    words = [sys.executable, "-m", "pipelines.cli", "process", str(video), "-o", str(out), *LIGHT]
    kept = signal.signal(signal.SIGINT, signal.SIG_DFL)
    try:
        # A background job of a shell has it ignored, and a child inherits that.
        return subprocess.Popen([*words, *more], stderr=subprocess.PIPE, text=True)
    finally:
        signal.signal(signal.SIGINT, kept)


def _wait_for_frames(folder: Path, process, least=32):
    limit = time.monotonic() + 100
    while time.monotonic() < limit and process.poll() is None:
        progress = folder / "epoch-000.progress.json"
        if progress.exists() and Recording(folder).num_frames >= least:
            return
        time.sleep(0.05)
    pytest.fail(f"nothing was recorded; exit {process.poll()}")


@pytest.mark.slow
@pytest.mark.timeout(240)
def test_killed_and_resumed_equals_never_killed(tmp_path):
    video = _video(tmp_path / "long.mp4", 320)
    killed = _started(video, tmp_path / "a")
    _wait_for_frames(tmp_path / "a" / "long", killed)
    killed.send_signal(signal.SIGKILL)
    killed.communicate()
    assert not Recording(tmp_path / "a" / "long").complete
    assert cli.main(["process", str(video), "-o", str(tmp_path / "a"), *LIGHT, "--resume"]) == 0
    assert cli.main(["process", str(video), "-o", str(tmp_path / "b"), *LIGHT]) == 0
    resumed, whole = (Recording(tmp_path / name / "long") for name in "ab")
    assert resumed.complete
    assert resumed.content_hash() == whole.content_hash()
    assert _num_playable(tmp_path / "a" / "long.mp4") == 320


@pytest.mark.slow
@pytest.mark.timeout(240)
def test_ctrl_c_finalises_every_output(tmp_path):
    video = _video(tmp_path / "long.mp4", 4000)
    process = _started(video, tmp_path / "out")
    _wait_for_frames(tmp_path / "out" / "long", process)
    process.send_signal(signal.SIGINT)
    _, said = process.communicate(timeout=60)
    assert process.returncode == 130, said
    assert said.count("\n") == 1
    recording = Recording(tmp_path / "out" / "long")
    assert 32 <= recording.num_frames < 4000
    assert _num_playable(tmp_path / "out" / "long.mp4") >= recording.num_frames - 8


def test_resuming_with_other_horizons_is_refused(drive, tmp_path, capsys):
    words = ["process", str(drive), "-o", str(tmp_path), *LIGHT]
    assert cli.main(words) == 0
    assert cli.main([*words, "--resume", "--horizons", "0.4"]) == 2
    assert "config" in capsys.readouterr().err


def test_a_resumed_run_refuses_another_rate(tmp_path, capsys):
    """Its times would go on in another clock: 2.0, 2.067, then 1.067."""
    for index in range(24):
        picture = np.full((*HW, 3), index, np.uint8)
        (tmp_path / "drive").mkdir(exist_ok=True)
        Image.fromarray(picture).save(tmp_path / "drive" / f"{index:03}.png")
    words = ["process", str(tmp_path / "drive"), "-o", str(tmp_path / "out"), *LIGHT]
    words += ["--horizons", "0.4", "--predictor", "copy-last", "--save", "recording"]
    assert cli.main([*words, "--fps", "5"]) == 0
    capsys.readouterr()
    assert cli.main([*words, "--fps", "10", "--resume"]) == 2
    assert capsys.readouterr().err.count("\n") == 1
