"""How often a live source is looked at: an even period that the pipeline can keep.

Frames that are dropped at random leave histories with holes. A period of whole source frames, a
little longer than the work takes, leaves none. Pure: times are handed in.
"""

from __future__ import annotations

import math
from collections import deque

import numpy as np

from forecast.values import Instant

_TRIAL = 12
_TRIAL_LEAST = 3
_TRIAL_S = 1.5
_LEAST_SPAN_S = 4.0
_CALM_S = 12.0
_MISSED = 0.15
_HEADROOM = 1.25


class Pace:
    """The period, found by a short trial and corrected when it proves too short or too long."""

    def __init__(self) -> None:
        self.period_s = 0.0
        """0 during the trial: every frame that there is time for."""
        self.frames_per_period = 1
        """Source frames in a period."""
        self._costs_s: deque[float] = deque(maxlen=40)
        self._moments: deque[float] = deque(maxlen=40)
        self._epoch: int | None = None
        self._since_s = 0.0

    def observe(self, at: Instant, *, cost_s: float, source_period_s: float | None) -> bool:
        """Whether the period has changed.

        Args:
            at: The frame that was worked on.
            cost_s: What the slowest part of the pipeline took for it.
            source_period_s: Time between the stream's own frames; None if not yet known.
        """
        if at.epoch != self._epoch:
            self._epoch, self._since_s = at.epoch, at.pts_s
            self._moments.clear()
        self._moments.append(at.pts_s)
        self._costs_s.append(cost_s)
        if source_period_s is None or source_period_s <= 0:
            return False
        strides = self._wanted(source_period_s, at.pts_s)
        if strides is None:
            return False
        self.frames_per_period, self.period_s = strides, strides * source_period_s
        self._since_s = at.pts_s
        self._moments.clear()
        return True

    def _wanted(self, source_period_s: float, now_s: float) -> int | None:
        if self.period_s == 0.0:
            tried_s = now_s - self._since_s
            ready = len(self._costs_s) >= (_TRIAL if tried_s < _TRIAL_S else _TRIAL_LEAST)
            return self._affordable(source_period_s) if ready else None
        calm_s = now_s - self._since_s
        if calm_s < _LEAST_SPAN_S or len(self._moments) < 8:
            return None
        if self._missed() > _MISSED:
            return max(self.frames_per_period + 1, self._affordable(source_period_s))
        changed = (
            abs(self.frames_per_period * source_period_s - self.period_s) > 0.2 * self.period_s
        )
        fewer = self._affordable(source_period_s)
        slack = fewer < self.frames_per_period and calm_s > _CALM_S and self._slack(source_period_s)
        return fewer if changed or slack else None

    def _affordable(self, source_period_s: float) -> int:
        return max(1, math.ceil(_HEADROOM * self._cost_s() / source_period_s))

    def _slack(self, source_period_s: float) -> bool:
        # Well within the shorter period, so that it does not swing to and fro.
        return 1.5 * self._cost_s() < (self.frames_per_period - 1) * source_period_s

    def _cost_s(self) -> float:
        return float(np.percentile(np.fromiter(self._costs_s, float), 80))

    def _missed(self) -> float:
        span_s = self._moments[-1] - self._moments[0]
        ticks = max(1.0, span_s / self.period_s)
        return 1.0 - (len(self._moments) - 1) / ticks
