"""Bytes of a named pipe or of standard input, read so that a silent writer cannot hang us."""

from __future__ import annotations

import math
import os
import select
import sys
import threading
import time
from pathlib import Path

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
        final: Whether an end is one even before the first byte: of standard input, to which no
            later writer comes.
    """

    def __init__(
        self,
        descriptor: int,
        *,
        open_timeout_s: float,
        read_timeout_s: float,
        stop: threading.Event,
        final: bool = False,
    ) -> None:
        self._descriptor = descriptor
        self._final = final
        self._open_timeout_s = open_timeout_s
        self._read_timeout_s = read_timeout_s
        self._stop = stop
        self._begun = False
        self._ended = False

    @property
    def was_empty(self) -> bool:
        """Whether the stream ended before its first byte."""
        return self._ended and not self._begun

    def read(self, size: int) -> bytes:
        """Up to so many bytes; none at the end of the stream, and ever after.

        Raises:
            PipeSilentError: Nothing came in time.
        """
        limit_s = self._read_timeout_s if self._begun else self._open_timeout_s
        deadline_s = time.monotonic() + limit_s
        while not self._stop.is_set() and not self._ended:
            some = self._ready(size)
            if some:
                self._begun = True
                return some
            if some is not None and (self._begun or self._final):
                # FFmpeg may ask again: what comes now is the next writer's, for the next reader.
                self._ended = True
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
        if not some and not self._begun and not self._final:
            # A named pipe that no writer has opened yet looks like one at its end.
            self._stop.wait(_POLL_S)
        return some


class PipeEnd:
    """Our end of a named pipe, or of standard input, held from one writer to the next.

    Were it closed between them, a writer that had come already would lose what it had written and
    be told that nobody reads.
    """

    def __init__(self, address: Address) -> None:
        self._address = address
        self._standard = address.kind is Kind.STDIN
        self._descriptor: int | None = None

    @property
    def descriptor(self) -> int:
        """What is read; opening waits for no writer.

        Raises:
            OSError: The pipe is gone, or may not be read.
        """
        if self._standard:
            return sys.stdin.fileno()
        if self._descriptor is not None and not self._is_still_there(self._descriptor):
            self.close()
        if self._descriptor is None:
            self._descriptor = os.open(self._address.target, os.O_RDONLY | os.O_NONBLOCK)
        return self._descriptor

    def reader(
        self, open_timeout_s: float, read_timeout_s: float, stop: threading.Event
    ) -> PipeReader:
        """A file object for one connection, with the time-outs of its first and later bytes.

        Standard input is waited for however long it takes: to give it up would lose the stream's
        beginning, without which most formats cannot be read.

        Raises:
            OSError: The pipe is gone, or may not be read.
        """
        return PipeReader(
            self.descriptor,
            open_timeout_s=math.inf if self._standard else open_timeout_s,
            read_timeout_s=math.inf if self._standard else read_timeout_s,
            stop=stop,
            final=self._standard,
        )

    def close(self) -> None:
        """Let go of a named pipe; safe to call twice."""
        descriptor, self._descriptor = self._descriptor, None
        if descriptor is not None:
            os.close(descriptor)

    def __enter__(self) -> PipeEnd:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    def _is_still_there(self, descriptor: int) -> bool:
        """Whether the name still stands for the pipe that is held, and not for a new one."""
        return os.path.samestat(os.fstat(descriptor), Path(self._address.target).stat())
