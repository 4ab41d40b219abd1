"""The README's session, run as it stands."""

import re
from pathlib import Path

import av
import numpy as np
import pytest

README = Path(__file__).resolve().parents[2] / "README.md"


def _drive(path, num_frames=27):
    rng = np.random.default_rng(0)
    scene = rng.integers(0, 255, (64, 96 + 2 * num_frames, 3), np.uint8)
    with av.open(str(path), "w") as output:
        stream = output.add_stream("libx264", rate=15)
        stream.width, stream.height, stream.pix_fmt = 96, 64, "yuv420p"
        for index in range(num_frames):
            picture = np.ascontiguousarray(scene[:, 2 * index : 2 * index + 96])
            output.mux(stream.encode(av.VideoFrame.from_ndarray(picture, format="rgb24")))
        output.mux(stream.encode())


@pytest.mark.timeout(180)
def test_the_session_does_what_it_says(tmp_path, monkeypatch, capsys):
    sessions = re.findall(r"```python\n(.*?)```", README.read_text(), flags=re.DOTALL)
    (session,) = [one for one in sessions if "forecast.process" in one]
    _drive(tmp_path / "drive.mp4")
    monkeypatch.chdir(tmp_path)
    exec(compile(session, "README.md", "exec"), {})
    said = capsys.readouterr().out
    assert "(64, 96)" in said
    assert "flow-warp: mIoU 0." in said
    assert (tmp_path / "out" / "drive.mp4").is_file()
    assert (tmp_path / "report" / "report.html").is_file()
