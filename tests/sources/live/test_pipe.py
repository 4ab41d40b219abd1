"""Pipes that speak, fall silent and close."""

from __future__ import annotations

import contextlib
import os
import threading
import time

import pytest

from forecast.sources.live.address import parse_address
from forecast.sources.live.pipe import PipeEnd, PipeReader, PipeSilentError


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


@pytest.fixture
def named(tmp_path):
    os.mkfifo(tmp_path / "pipe")
    with PipeEnd(parse_address(str(tmp_path / "pipe"))) as end:
        yield tmp_path / "pipe", end


def _written(path, some):
    """A writer that opens, writes and leaves; fails at once where nobody reads."""
    descriptor = os.open(path, os.O_WRONLY | os.O_NONBLOCK)
    os.write(descriptor, some)
    os.close(descriptor)


def test_opening_a_named_pipe_waits_for_no_writer(named):
    path, end = named
    reader = _reader(end.descriptor)
    _written(path, b"xyz")
    assert reader.read(10) == b"xyz"


def test_what_the_next_writer_wrote_before_the_last_connection_closed_is_not_lost(named):
    path, end = named
    first = _reader(end.descriptor)
    _written(path, b"one")
    assert (first.read(10), first.read(10)) == (b"one", b"")
    _written(path, b"two")
    assert first.read(10) == b"", "it belongs to the next connection"
    assert _reader(end.descriptor).read(10) == b"two"


def test_a_pipe_that_was_made_anew_is_opened_anew(named):
    path, end = named
    assert end.descriptor >= 0
    path.rename(path.with_name("old"))
    os.mkfifo(path)
    reader = _reader(end.descriptor)
    _written(path, b"new")
    assert reader.read(10) == b"new"


def test_a_pipe_that_was_removed_is_an_error(named):
    path, end = named
    assert end.descriptor >= 0
    path.unlink()
    with pytest.raises(FileNotFoundError):
        _ = end.descriptor
