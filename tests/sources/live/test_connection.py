"""What a connection that cannot be had says of itself."""

from __future__ import annotations

import errno

import av.error
import pytest

from forecast.errors import SourceError
from forecast.sources.live.address import Address, Kind
from forecast.sources.live.connection import _translated
from forecast.sources.live.source import LiveSource


def test_a_device_that_is_no_camera_is_one_clear_line_at_once(tmp_path):
    device = tmp_path / "video7"
    device.symlink_to("/dev/null")
    source = LiveSource(str(device), retries=None)
    with source.open() as frames, pytest.raises(SourceError, match="no capture device") as caught:
        next(frames)
    assert "\n" not in str(caught.value)
    assert str(device) in str(caught.value)


@pytest.mark.parametrize(
    ("number", "says", "hopeless"),
    [
        (errno.EACCES, "group", True),
        (errno.EBUSY, "another program", False),
        (errno.ENODEV, "unplugged", False),
    ],
)
def test_what_a_camera_refuses_with_is_said_in_words(number, says, hopeless):
    camera = Address(kind=Kind.CAMERA, target="/dev/video0", shown="/dev/video0", clip="video0")
    with pytest.raises(av.error.FFmpegError) as caught:
        av.error.err_check(-number, "/dev/video0")
    fault = _translated(camera, caught.value, "opening", 5.0)
    assert says in str(fault)
    assert fault.hopeless is hopeless
