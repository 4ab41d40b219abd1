"""A bounded queue between two threads, and a stream that is read ahead through one.

Promises that a fault arrives after everything that came before it, that nothing is held beyond the
depth asked for, and that every thread has ended once its owner is closed.
Does not know frames, networks or files.
"""

from __future__ import annotations

import threading
from collections import deque
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager
from typing import Generic, TypeVar

Item = TypeVar("Item")
Opener = Callable[[], AbstractContextManager[Iterator[Item]]]
"""Opens a stream in the thread that will read it, and closes it there."""


class Handover(Generic[Item]):
    """A bounded queue from one thread to one other that wakes the taker once for each micro-batch.

    Waking a thread costs more than moving a frame, so the putter notifies only when as many items
    lie there as the taker waits for.
    """

    def __init__(self, depth: int) -> None:
        assert depth >= 1, "a queue of depth 0 hands nothing over"
        self._depth = depth
        self._items: deque[Item] = deque()
        lock = threading.Lock()
        self._filled = threading.Condition(lock)
        self._drained = threading.Condition(lock)
        self._wanted = 1
        self._ended = False
        self._left = False
        self._fault: BaseException | None = None

    def put(self, item: Item) -> bool:
        """Whether the taker is still there; waits while the queue is full."""
        with self._drained:
            while len(self._items) >= self._depth and not self._left:
                self._drained.wait()
            if self._left:
                return False
            self._items.append(item)
            if len(self._items) >= self._wanted:
                self._filled.notify()
            return True

    def end(self, fault: BaseException | None = None) -> None:
        """Nothing more comes; a fault is raised once everything before it has been taken."""
        with self._filled:
            self._ended = True
            self._fault = fault
            self._filled.notify()

    def leave(self) -> None:
        """Nothing more is taken: what waits is dropped, and both sides stop waiting."""
        with self._filled:
            self._left = True
            self._items.clear()
            self._filled.notify()
            self._drained.notify()

    def take(self, size: int = 1, deadline_s: float | None = None) -> list[Item]:
        """Up to `size` items in order; none at the end.

        Args:
            size: Most items wanted; no more than the depth are waited for.
            deadline_s: Longest wait for further items once there is one; None waits for all.
        """
        with self._filled:
            if deadline_s is not None:
                self._wait(1, None)
            self._wait(size, deadline_s)
            taken = [self._items.popleft() for _ in range(min(size, len(self._items)))]
            self._drained.notify()
            fault = None if taken else self._fault
            if fault is not None:
                self._fault = None
        if fault is not None:
            raise fault
        return taken

    def _wait(self, num_items: int, timeout_s: float | None) -> None:
        self._wanted = min(num_items, self._depth)
        self._filled.wait_for(self._ready, timeout_s)

    def _ready(self) -> bool:
        return len(self._items) >= self._wanted or self._ended or self._left


def _produce(opener: Opener[Item], handover: Handover[Item]) -> None:
    fault: BaseException | None = None
    try:
        with opener() as items:
            for item in items:
                if not handover.put(item):
                    break
    except BaseException as caught:  # noqa: BLE001 - delivered to the taker, whatever it is
        fault = caught
    handover.end(fault)


class Prefetched(Generic[Item]):
    """Items of a stream that a thread reads ahead; close it, or use it in a `with`."""

    def __init__(self, opener: Opener[Item], *, depth: int, name: str) -> None:
        self._handover: Handover[Item] = Handover(depth)
        self._thread = threading.Thread(
            target=_produce, args=(opener, self._handover), name=f"forecast-{name}", daemon=True
        )
        self._thread.start()

    def take(self, size: int, deadline_s: float | None = None) -> list[Item]:
        """Up to `size` items, as `Handover.take` gives them; the stream's fault after its last."""
        return self._handover.take(size, deadline_s)

    def __iter__(self) -> Iterator[Item]:
        while taken := self._handover.take():
            yield taken[0]

    def abort(self) -> None:
        """Tell the thread to stop, without waiting for it."""
        self._handover.leave()

    def close(self) -> None:
        """Stop and join the thread, as soon as the stream gives or refuses its next item."""
        self.abort()
        self._thread.join()

    def __enter__(self) -> Prefetched[Item]:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()


def prefetched(opener: Opener[Item], *, depth: int, name: str = "decode") -> Prefetched[Item]:
    """The items of a stream, read ahead by a thread of its own, at most `depth` at a time."""
    return Prefetched(opener, depth=depth, name=name)
