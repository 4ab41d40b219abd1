"""Where copying has lately done better than the forecast: decided by the running scores.

Pure. Promises not to swing to and fro: falling back takes a loss, coming back a win.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence

from forecast.live.verification import REFERENCE, RunningScore

_ENOUGH = 30
"""Comparisons before a score decides anything."""
_LOSS = 0.005
"""Half a point of mIoU; less is noise over so few comparisons."""


class Fallback:
    """The horizons at which what is now says more of then than the forecast does."""

    def __init__(self) -> None:
        self._horizons_s: frozenset[float] = frozenset()

    @property
    def horizons_s(self) -> frozenset[float]:
        """Where copying is shown in place of the forecast."""
        return self._horizons_s

    def update(self, scores: Sequence[RunningScore]) -> None:
        """Decide anew."""
        copied = {one.horizon_s: one for one in scores if one.predictor == REFERENCE}
        own = [one for one in scores if one.predictor != REFERENCE]
        self._horizons_s = frozenset(self._lost(own, copied))

    def _lost(
        self, own: Iterable[RunningScore], copied: dict[float, RunningScore]
    ) -> Iterable[float]:
        for one in own:
            other = copied.get(one.horizon_s)
            if other is None or one.miou is None or other.miou is None:
                continue
            fallen = one.horizon_s in self._horizons_s
            if one.num_compared < _ENOUGH:
                continue
            if one.miou < other.miou - (0.0 if fallen else _LOSS):
                yield one.horizon_s
