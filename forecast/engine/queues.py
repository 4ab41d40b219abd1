"""Between threads: a bounded queue, work done ahead, work done behind, and a clock for both.

Promises that a fault arrives after everything that came before it, that nothing is held beyond the
depth asked for, and that every thread has ended once its owner is closed.
Does not know frames, networks or files.
"""

from __future__ import annotations

import threading
import time
from collections import deque
from collections.abc import Callable, Generator, Iterator, Mapping, Sequence
from contextlib import AbstractContextManager, contextmanager
from typing import Generic, TypeVar

from forecast.stages import Sink
from forecast.values import Step

Item = TypeVar("Item")
Opener = Callable[[], AbstractContextManager[Iterator[Item]]]
"""Opens a stream in the thread that will read it, and closes it there."""


class StageClock:
    """How long each stage has been busy; each stage is timed by one thread at a time."""

    def __init__(self) -> None:
        self._busy_s: dict[str, float] = {}
        self._began_s = time.perf_counter()
        self.num_frames = 0
        """Frames that have left the pipeline."""

    @contextmanager
    def timing(self, stage: str) -> Generator[None]:
        """Counts the time inside the `with` as work of the stage."""
        began_s = time.perf_counter()
        try:
            yield
        finally:
            self.add(stage, time.perf_counter() - began_s)

    def add(self, stage: str, seconds: float) -> None:
        """Count work of a stage that was timed elsewhere."""
        self._busy_s[stage] = self._busy_s.get(stage, 0.0) + seconds

    @property
    def elapsed_s(self) -> float:
        """Wall time since the clock was made."""
        return time.perf_counter() - self._began_s

    @property
    def frames_per_s(self) -> float:
        """Frames that left the pipeline for each second of wall time."""
        return self.num_frames / self.elapsed_s

    @property
    def busy_share(self) -> Mapping[str, float]:
        """Fraction of the wall time that each stage was at work; near 1 is the bottleneck."""
        elapsed_s = self.elapsed_s
        return {stage: busy_s / elapsed_s for stage, busy_s in self._busy_s.copy().items()}

    @property
    def slowest(self) -> tuple[str, float] | None:
        """The busiest stage and its share of the wall time; None before any has worked."""
        shares = self.busy_share
        return max(shares.items(), key=lambda pair: pair[1]) if shares else None


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


class WriteBehind:
    """A sink that hands steps to others in one thread of its own, at most `depth` behind.

    A fault of any of them stops all: it is raised by the next `write`, or by `close`, which
    finalises every sink first.
    """

    def __init__(
        self, sinks: Sequence[Sink], *, depth: int = 8, clock: StageClock | None = None
    ) -> None:
        self._sinks = sinks
        self._clock = clock or StageClock()
        self._handover: Handover[Step] = Handover(depth)
        self._fault: BaseException | None = None
        self._closed = False
        self._thread = threading.Thread(target=self._consume, name="forecast-write", daemon=True)
        self._thread.start()

    def _consume(self) -> None:
        try:
            while steps := self._handover.take():
                with self._clock.timing("write"):
                    for sink in self._sinks:
                        sink.write(steps[0])
        except BaseException as caught:  # noqa: BLE001 - raised by the next write or close
            self._fault = caught
            self._handover.leave()

    def write(self, step: Step) -> None:
        """Queue one step; waits while `depth` are queued."""
        if not self._handover.put(step):
            self._raise()

    def close(self) -> None:
        """Write what is queued, join the thread, finalise every sink, raise the first fault."""
        if self._closed:
            return
        self._closed = True
        self._handover.end()
        self._thread.join()
        for sink in self._sinks:
            try:
                sink.close()
            except Exception as caught:  # noqa: BLE001 - the other sinks must be finalised too
                self._fault = self._fault or caught
        self._raise()

    def _raise(self) -> None:
        if self._fault is not None:
            fault, self._fault = self._fault, None
            raise fault
