"""A predictor of one label space at work in another: lifted before, collapsed after.

Axes: K classes of the given space, C classes of the wanted one, h w grid, H W picture.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import replace

from forecast.geometry.spaces import collapsed, lifted
from forecast.labels import LabelSpace
from forecast.stages import Predictor
from forecast.values import Forecast, History, Needs, Observation


class InSpace:
    """A predictor that answers in `space`, whatever space it was made for."""

    def __init__(self, predictor: Predictor, space: LabelSpace) -> None:
        self._predictor = predictor
        self._space = space

    @property
    def name(self) -> str:
        """The name of the predictor within."""
        return self._predictor.name

    @property
    def space(self) -> LabelSpace | None:
        """Any: histories are lifted where they need to be."""
        return None

    @property
    def needs(self) -> Needs:
        """What the predictor within needs."""
        return self._predictor.needs

    @property
    def fingerprint(self) -> str:
        """That of the predictor within."""
        return self._predictor.fingerprint

    def predict(
        self, histories: Sequence[History], *, horizons_s: Sequence[float]
    ) -> Iterator[Forecast]:
        """Forecasts in this space.

        Raises:
            UsageError: No mapping is known between the spaces.
        """
        own = self._predictor.space
        ready = histories if own is None else [_lifted_history(one, own) for one in histories]
        for forecast in self._predictor.predict(ready, horizons_s=horizons_s):
            yield collapsed(forecast, self._space)


def _lifted_history(history: History, space: LabelSpace) -> History:
    observations = tuple(
        Observation(frame=one.frame, segmentation=lifted(one.segmentation, space))
        for one in history.observations
    )
    before = None if history.before is None else lifted(history.before, space)
    return replace(history, observations=observations, before=before)
