"""How long a forecast takes, and how much of its horizon is left when it is ready."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from forecast.errors import UsageError


@dataclass(frozen=True, slots=True, kw_only=True)
class Latency:
    """Time from a frame's arrival to its forecast."""

    num_samples: int
    p50_ms: float
    p95_ms: float

    def usable_lead_s(self, horizon_s: float) -> float:
        """Horizon less the slow end of the latency; negative where the answer comes too late."""
        return horizon_s - self.p95_ms / 1000


def latency(samples_ms: Sequence[float]) -> Latency:
    """Median and 95th percentile.

    Raises:
        UsageError: There are no samples.
    """
    if not samples_ms:
        raise UsageError("no latencies were measured; forecast at least one frame")
    p50, p95 = np.quantile(np.asarray(samples_ms, np.float64), (0.5, 0.95))
    return Latency(num_samples=len(samples_ms), p50_ms=float(p50), p95_ms=float(p95))
