"""Pipes that speak, fall silent and close."""

from __future__ import annotations

import contextlib
import os
import threading
import time

import pytest

from forecast.sources.live.address import parse_address
from forecast.sources.live.pipe import PipeReader, PipeSilentError, open_pipe


@pytest.fixture
def pipe():
    reading, writing = os.pipe()
    os.set_blocking(reading, False)
    yield reading, writing
    for descriptor in (reading, writing):
        with contextlib.suppress(OSError):
            os.close(descriptor)


def _reader(descriptor, stop=None):
    return PipeReader(
        descriptor, open_timeout_s=0.2, read_timeout_s=0.2, stop=stop or threading.Event()
    )


def test_bytes_come_through_and_then_the_end(pipe):
    reading, writing = pipe
    os.write(writing, b"abc")
    os.close(writing)
    reader = _reader(reading)
    assert reader.read(10) == b"abc"
    assert reader.read(10) == b""


def test_silence_is_an_error_after_the_time_out(pipe):
    with pytest.raises(PipeSilentError, match=r"0\.2 s"):
        _reader(pipe[0]).read(10)


def test_a_stop_ends_the_wait(pipe):
    stop = threading.Event()
    threading.Timer(0.05, stop.set).start()
    reader = PipeReader(pipe[0], open_timeout_s=30.0, read_timeout_s=30.0, stop=stop)
    began_s = time.monotonic()
    assert reader.read(10) == b""
    assert time.monotonic() - began_s < 2


def test_opening_a_named_pipe_waits_for_no_writer(tmp_path):
    os.mkfifo(tmp_path / "pipe")
    address = parse_address(str(tmp_path / "pipe"))
    stop = threading.Event()
    with open_pipe(address, open_timeout_s=2.0, read_timeout_s=1.0, stop=stop) as reader:
        threading.Timer(0.1, (tmp_path / "pipe").write_bytes, (b"xyz",)).start()
        assert reader.read(10) == b"xyz"
