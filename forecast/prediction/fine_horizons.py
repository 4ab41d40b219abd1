"""Horizons in source frames for a pipeline that looks at every k-th one.

A history of every k-th frame would serve horizons in multiples of k frames only: at 0.4 s a look,
0.18 s ahead would mean now. The predictor is told the source's own frame instead.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import replace

from forecast.labels import LabelSpace
from forecast.stages import Predictor
from forecast.values import Forecast, History, Needs


class FineHorizons:
    """A predictor whose histories come at a longer period than the source's frames.

    The frame looked at before the origin then lies k source frames back: it enters as an
    observation, for `previous` means the one source frame before.

    Args:
        predictor: What forecasts.
        period_s: Time between the frames that are looked at.
        frames_per_period: k, at least 2.
    """

    def __init__(self, predictor: Predictor, *, period_s: float, frames_per_period: int) -> None:
        self._predictor = predictor
        self._period_s = period_s
        self._frames_per_period = frames_per_period

    @property
    def name(self) -> str:
        """The predictor's."""
        return self._predictor.name

    @property
    def space(self) -> LabelSpace | None:
        """The predictor's."""
        return self._predictor.space

    @property
    def fingerprint(self) -> str:
        """The predictor's."""
        return self._predictor.fingerprint

    @property
    def needs(self) -> Needs:
        """Two observations at least where motion is wanted."""
        needs = self._predictor.needs
        if needs.num_observations > 1 or not needs.previous:
            return replace(needs, previous=False)
        return Needs(num_observations=2, step_s=self._period_s)

    def predict(
        self, histories: Sequence[History], *, horizons_s: Sequence[float]
    ) -> Iterator[Forecast]:
        """As the predictor forecasts from the same observations and the source's frame period."""
        frame_s = self._period_s / self._frames_per_period
        fine = [replace(one, previous=None, before=None, frame_s=frame_s) for one in histories]
        yield from self._predictor.predict(fine, horizons_s=horizons_s)
