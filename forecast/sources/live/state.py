"""How a live source is doing: its state, its counts, and who is told when the state changes.

Promises that every number may be read from any thread. Reads no stream.
"""

from __future__ import annotations

import logging
import threading
import time
from collections import Counter, deque
from collections.abc import Callable
from dataclasses import dataclass
from enum import Enum

_log = logging.getLogger("forecast.sources.live.source")


class LiveState(Enum):
    """Where a live source stands."""

    CONNECTING = "connecting"
    """No connection, or one that has not yet given a frame."""
    LIVE = "live"
    """Frames arrive."""
    STALLED = "stalled"
    """Connected, and silent for too long."""
    LOST = "lost"
    """Given up after the last retry."""
    ENDED = "ended"
    """Came to its end, or was closed."""


@dataclass(frozen=True, slots=True, kw_only=True)
class LiveStats:
    """What a live source has been through so far."""

    state: LiveState
    num_received: int
    """Frames decoded."""
    num_delivered: int
    """Frames handed to the consumer."""
    num_dropped: int
    """Frames overtaken by a newer one before the consumer came for them."""
    num_thinned: int
    """Frames left out at an even period, because the pipeline needs longer than theirs."""
    num_refused: int
    """Frames damaged, or older than one already given."""
    num_reconnects: int
    epoch: int
    age_s: float | None
    """Time since the newest frame arrived; None before the first."""
    fps: float
    """Frames arriving a second, over the last few."""
    recovery_s: float | None
    """How long the last gap was, from the last frame before it to the first after."""
    lag_s: float
    """How far the newest frame came behind the stream's own clock: what a slow link adds."""
    trouble: str
    """What is wrong now, without credentials; empty while frames arrive."""


StateListener = Callable[[LiveState, str], None]
"""Called with the new state and the reason, from whichever thread saw the change.

What it raises is logged, and stops nothing.
"""


class LiveStatus:
    """The counts behind `LiveStats`.

    Args:
        shown: The source's address without credentials, for log lines.
        stall_s: Silence that makes a live source a stalled one; of a slower source, three of
            its own periods.
        listener: Told of every change of state.
        clock: Seconds now; arrivals are measured on it.
    """

    def __init__(
        self,
        shown: str,
        *,
        stall_s: float,
        listener: StateListener | None,
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        self._shown = shown
        self._stall_s = stall_s
        self._listener = listener
        self._clock = clock
        self._lock = threading.Lock()
        self._state = LiveState.CONNECTING
        self._arrivals: deque[float] = deque(maxlen=50)
        self._lag_s = 0.0
        self._last_s: float | None = None
        self._connections = 0
        self._counts: Counter[str] = Counter()
        self._epoch = 0
        self._recovery_s: float | None = None
        self._trouble = ""

    def connecting(self, reason: str) -> None:
        """An attempt begins, for this reason; only the first in a row is logged."""
        with self._lock:
            self._arrivals.clear()
            if reason:
                self._trouble = reason
        self._turn(LiveState.CONNECTING, reason or "opening")

    def received(self, arrived_s: float, epoch: int, lag_s: float = 0.0) -> None:
        """A good frame arrived, so far behind the stream's own clock."""
        with self._lock:
            was, gap_s = self._state, arrived_s - (self._last_s or arrived_s)
            first = self._connections == 0
            if was is LiveState.CONNECTING:
                self._connections += 1
            if was is not LiveState.LIVE and not first:
                self._recovery_s = gap_s
            self._last_s, self._epoch, self._lag_s = arrived_s, epoch, lag_s
            # An old cause must not explain a new silence.
            self._trouble = ""
            self._arrivals.append(arrived_s)
            self._counts["received"] += 1
        if was is not LiveState.LIVE:
            self._turn(LiveState.LIVE, "first frame" if first else f"back after {gap_s:.1f} s")

    def count(self, what: str, number: int = 1) -> None:
        """More frames were `delivered`, `dropped`, `thinned` or `refused`."""
        with self._lock:
            self._counts[what] += number

    def check_stall(self) -> None:
        """Notice silence; called by whoever waits."""
        with self._lock:
            age_s = 0.0 if self._last_s is None else self._clock() - self._last_s
            fps = self._fps()
            limit_s = max(self._stall_s, 3 / fps if fps else 0.0)
            stalled = self._state is LiveState.LIVE and age_s > limit_s
            if stalled:
                self._trouble = f"no frame for {age_s:.1f} s"
        if stalled:
            self._turn(LiveState.STALLED, f"no frame for {age_s:.1f} s")

    def finished(self, state: LiveState, reason: str) -> None:
        """The source is lost or at its end."""
        with self._lock:
            if reason:
                self._trouble = reason
        self._turn(state, reason or "closed")

    def closed(self) -> None:
        """Whoever opened it is done; a lost source stays lost."""
        if self._state is not LiveState.LOST:
            self._turn(LiveState.ENDED, "closed")

    def stats(self) -> LiveStats:
        """The numbers now."""
        self.check_stall()
        with self._lock:
            return LiveStats(
                state=self._state,
                num_received=self._counts["received"],
                num_delivered=self._counts["delivered"],
                num_dropped=self._counts["dropped"],
                num_thinned=self._counts["thinned"],
                num_refused=self._counts["refused"],
                num_reconnects=max(0, self._connections - 1),
                epoch=self._epoch,
                age_s=None if self._last_s is None else self._clock() - self._last_s,
                fps=self._fps(),
                recovery_s=self._recovery_s,
                lag_s=self._lag_s,
                trouble=self._trouble,
            )

    def _fps(self) -> float:
        if len(self._arrivals) < 2 or self._state is not LiveState.LIVE:
            return 0.0
        return (len(self._arrivals) - 1) / max(self._arrivals[-1] - self._arrivals[0], 1e-6)

    def _turn(self, state: LiveState, reason: str) -> None:
        with self._lock:
            changed, self._state = state is not self._state, state
        if not changed and state is not LiveState.CONNECTING:
            return
        if changed or reason == "opening":
            bad = state in (LiveState.STALLED, LiveState.LOST)
            _log.log(
                logging.WARNING if bad else logging.INFO,
                "%s: %s (%s)", self._shown, state.value, reason,
            )  # fmt: skip
        if self._listener is not None:
            try:
                self._listener(state, reason)
            except Exception:  # noqa: BLE001 - not ours, and no reason to stop
                _log.exception("%s: the listener failed at %s", self._shown, state.value)
