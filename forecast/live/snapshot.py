"""One step as a viewer needs it: the picture, labels now and at each horizon, on small grids.

Does not know networks, sockets or files. Axes: H W picture, h w grid.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

from jaxtyping import UInt8
from numpy import ndarray

from forecast.labels import LabelSpace
from forecast.values import Instant


@dataclass(frozen=True, slots=True, kw_only=True)
class Snapshot:
    """What is, and what will be."""

    number: int
    """Rises by one with every snapshot of a channel."""
    at: Instant
    space: LabelSpace
    rgb: UInt8[ndarray, "H W 3"]
    now: UInt8[ndarray, "h w"]
    forecasts: Mapping[float, UInt8[ndarray, ...]]
    """Labels by horizon; each on its own grid, [h, w]."""
    served_s: Mapping[float, float]
    copied: frozenset[float]
    """Horizons at which what is now stands in place of the forecast, because it does better."""
    foreseen: Mapping[float, UInt8[ndarray, ...]]
    """What was forecast for this moment a horizon ago; [h, w]."""
    published_s: float
    """On `time.monotonic`."""
    captured_unix_s: float | None
    """When the picture was taken; None where nobody knows."""

    def due_unix_s(self, horizon_s: float) -> float | None:
        """When the forecast of that horizon comes true."""
        if self.captured_unix_s is None:
            return None
        return self.captured_unix_s + self.served_s[horizon_s]
