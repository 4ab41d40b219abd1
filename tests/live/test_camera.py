"""A v4l2 camera: FFmpeg's own code for it, on a driver that `fake_camera.c` plays."""

from __future__ import annotations

import json
import os
import shutil
import subprocess
import sys
from itertools import pairwise
from pathlib import Path

import pytest

_READ = """
import json, sys
from itertools import islice
from forecast.sources.live.source import LiveSource
reasons = []
source = LiveSource(sys.argv[1], backoff_cap_s=0.3, on_state=lambda _, why: reasons.append(why))
with source.open() as frames:
    kept = list(islice(frames, 30))
print(json.dumps({
    "trouble": " ".join(reasons), "reconnects": source.stats.num_reconnects,
    "frames": [[f.at.epoch, f.at.pts_s, *f.size_hw, int(f.rgb[0, 9, 9])] for f in kept],
}))
"""


@pytest.fixture(scope="module")
def driver(tmp_path_factory):
    """The camera as a library to be loaded first."""
    compiler = shutil.which("cc")
    if compiler is None or sys.platform != "linux":
        pytest.skip("needs Linux and a C compiler (apt install gcc)")
    library = tmp_path_factory.mktemp("camera") / "camera.so"
    source = Path(__file__).with_name("fake_camera.c")
    subprocess.run(
        [compiler, "-shared", "-fPIC", "-O1", "-o", str(library), str(source), "-ldl"], check=True
    )
    return library


@pytest.mark.slow
def test_a_camera_is_read_and_opened_again_when_it_was_unplugged(driver, tmp_path):
    device = tmp_path / "video9"
    device.symlink_to("/dev/zero")
    done = subprocess.run(
        [sys.executable, "-c", _READ, str(device)],
        env={**os.environ, "LD_PRELOAD": str(driver), "FAKE_FRAMES": "20"},
        capture_output=True, text=True, timeout=50,
    )  # fmt: skip
    # A picture in the driver's memory, read after the camera was closed, would be a SIGSEGV.
    assert done.returncode == 0, done.stderr
    found = json.loads(done.stdout)
    assert "unplugged" in found["trouble"]
    assert found["reconnects"] == 1
    epochs, moments, heights, widths, levels = zip(*found["frames"], strict=True)
    assert (set(epochs), set(heights), set(widths)) == ({0, 1}, {192}, {320})
    assert all(later > earlier for earlier, later in pairwise(moments))
    assert moments[10] - moments[5] == pytest.approx(0.2, abs=0.05)
    assert levels[10] > levels[5]
