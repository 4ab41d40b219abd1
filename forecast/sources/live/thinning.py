"""Which frames of a fast stream are worth handing on: evenly spaced ones. Pure."""

from __future__ import annotations

from collections import deque
from itertools import pairwise
from statistics import median

from forecast.values import Instant

_EVERYTHING = 0.0


class Thinning:
    """Lets frames through at an even period, so that what is dropped leaves no ragged history.

    `period_s` may be set from any thread; 0 lets every frame through.
    """

    def __init__(self) -> None:
        self.period_s = _EVERYTHING
        self._epoch = -1
        self._due_s = 0.0
        self._moments: deque[float] = deque(maxlen=30)

    def begin(self) -> None:
        """A stream is opened, perhaps again: its frames count from its start."""
        self._epoch = -1

    @property
    def source_period_s(self) -> float | None:
        """Time between the stream's own frames; None before there are enough to tell."""
        moments = list(self._moments)
        if len(moments) < 8:
            return None
        return median(later - earlier for earlier, later in pairwise(moments))

    def passes(self, at: Instant) -> bool:
        """Whether this frame is the one nearest to the next tick."""
        if at.epoch != self._epoch:
            self._epoch, self._due_s = at.epoch, at.pts_s
            self._moments.clear()
        self._moments.append(at.pts_s)
        period_s = self.period_s
        if period_s == _EVERYTHING:
            self._due_s = at.pts_s
            return True
        half_frame_s = (self.source_period_s or 0.0) / 2
        if at.pts_s < self._due_s - half_frame_s:
            return False
        # After a silence the ticks begin anew instead of catching up.
        late = at.pts_s - self._due_s > period_s
        self._due_s = (at.pts_s if late else self._due_s) + period_s
        return True
