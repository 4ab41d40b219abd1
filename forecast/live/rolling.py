"""Percentiles and rates over the last little while. Not safe to share between threads."""

from __future__ import annotations

from collections import deque
from dataclasses import dataclass

import numpy as np


@dataclass(frozen=True, slots=True, kw_only=True)
class Percentiles:
    """The median, and what one value in twenty exceeds."""

    p50: float
    p95: float


class RollingPercentiles:
    """p50 and p95 of the last `window` values."""

    def __init__(self, window: int = 300) -> None:
        self._values: deque[float] = deque(maxlen=window)

    def add(self, value: float) -> None:
        """Add a value."""
        self._values.append(value)

    def summary(self) -> Percentiles | None:
        """Both percentiles; None before the first value."""
        if not self._values:
            return None
        p50, p95 = np.percentile(np.fromiter(self._values, float), (50, 95))
        return Percentiles(p50=float(p50), p95=float(p95))


class RollingRate:
    """Events a second, over the last few seconds."""

    def __init__(self, span_s: float = 4.0) -> None:
        self._span_s = span_s
        self._moments: deque[float] = deque()

    def add(self, now_s: float) -> None:
        """Add an event."""
        self._moments.append(now_s)
        self._forget(now_s)

    def per_second(self, now_s: float) -> float:
        """Rate of the events; 0 while there are fewer than two."""
        self._forget(now_s)
        if len(self._moments) < 2:
            return 0.0
        return (len(self._moments) - 1) / max(self._moments[-1] - self._moments[0], 1e-6)

    def _forget(self, now_s: float) -> None:
        while self._moments and now_s - self._moments[0] > self._span_s:
            self._moments.popleft()
