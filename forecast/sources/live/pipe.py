"""Bytes of a named pipe or of standard input, read so that a silent writer cannot hang us."""

from __future__ import annotations

import os
import select
import sys
import threading
import time
from collections.abc import Generator
from contextlib import contextmanager

from forecast.sources.live.address import Address, Kind

_POLL_S = 0.05


class PipeSilentError(Exception):
    """Nothing came through a pipe for too long."""


class PipeReader:
    """A file object for PyAV.

    Args:
        descriptor: What is read; stays open.
        open_timeout_s: How long the first byte may take.
        read_timeout_s: How long every later one may take.
        stop: Ends every wait; what follows reads as the end of the stream.
    """

    def __init__(
        self,
        descriptor: int,
        *,
        open_timeout_s: float,
        read_timeout_s: float,
        stop: threading.Event,
    ) -> None:
        self._descriptor = descriptor
        self._open_timeout_s = open_timeout_s
        self._read_timeout_s = read_timeout_s
        self._stop = stop
        self._begun = False

    def read(self, size: int) -> bytes:
        """Up to so many bytes; none at the end of the stream.

        Raises:
            PipeSilentError: Nothing came in time.
        """
        limit_s = self._read_timeout_s if self._begun else self._open_timeout_s
        deadline_s = time.monotonic() + limit_s
        while not self._stop.is_set():
            some = self._ready(size)
            if some:
                self._begun = True
                return some
            if some is not None and self._begun:
                return b""
            if time.monotonic() > deadline_s:
                raise PipeSilentError(f"nothing came through the pipe for {limit_s:.1f} s")
        return b""

    def _ready(self, size: int) -> bytes | None:
        """Bytes, none at the end of the stream, None if there is nothing yet."""
        readable, _, _ = select.select([self._descriptor], [], [], _POLL_S)
        if not readable:
            return None
        try:
            some = os.read(self._descriptor, size)
        except BlockingIOError:
            return None
        if not some and not self._begun:
            # A named pipe that no writer has opened yet looks like one at its end.
            self._stop.wait(_POLL_S)
        return some


@contextmanager
def open_pipe(
    address: Address, *, open_timeout_s: float, read_timeout_s: float, stop: threading.Event
) -> Generator[PipeReader, None, None]:
    """A reader of standard input or of a named pipe; opening waits for no writer."""
    standard = address.kind is Kind.STDIN
    descriptor = (
        sys.stdin.fileno() if standard else os.open(address.target, os.O_RDONLY | os.O_NONBLOCK)
    )
    try:
        yield PipeReader(
            descriptor, open_timeout_s=open_timeout_s, read_timeout_s=read_timeout_s, stop=stop
        )
    finally:
        if not standard:
            os.close(descriptor)
