"""A gate before the engine: no more frames in flight than there are slots."""

from __future__ import annotations

import threading
from collections.abc import Generator, Iterator
from contextlib import contextmanager

from forecast.values import Frame


class Gate:
    """Lets the engine have a frame only when an earlier one has left it."""

    def __init__(self, frames: Iterator[Frame], *, slots: int) -> None:
        self._frames = frames
        self._slots = slots
        self._free = threading.Semaphore(slots)
        self._shut = threading.Event()
        self.ended = False
        """Whether the source gives no more."""

    @property
    def is_shut(self) -> bool:
        """Whether the engine is to finish what it has."""
        return self._shut.is_set() or self.ended

    def reopen(self) -> None:
        """A new engine begins, empty."""
        self._shut.clear()
        self._free = threading.Semaphore(self._slots)

    def shut(self) -> None:
        """No further frame for this engine."""
        self._shut.set()

    def release(self) -> None:
        """A frame has left the engine."""
        self._free.release()

    @contextmanager
    def frames(self) -> Generator[Iterator[Frame], None, None]:
        """As the engine opens a source."""
        yield self._through()

    def _through(self) -> Iterator[Frame]:
        while not self._shut.is_set():
            if not self._free.acquire(timeout=0.1):
                continue
            if self._shut.is_set():
                return
            frame = next(self._frames, None)
            if frame is None:
                self.ended = True
                return
            yield frame
