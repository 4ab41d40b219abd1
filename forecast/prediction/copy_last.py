"""Baseline: the last segmentation, unchanged."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

from forecast.geometry.resize import probs_of
from forecast.labels import LabelSpace
from forecast.prediction.fingerprint import fingerprint_of
from forecast.values import STRIDE_S, Forecast, History, Needs


class CopyLast:
    """The last segmentation again, at every horizon."""

    def __init__(self, *, step_s: float = STRIDE_S) -> None:
        self._step_s = step_s

    @property
    def name(self) -> str:
        """`copy-last`."""
        return "copy-last"

    @property
    def space(self) -> LabelSpace | None:
        """Any."""
        return None

    @property
    def needs(self) -> Needs:
        """The origin alone."""
        return Needs(num_observations=1, step_s=self._step_s)

    @property
    def fingerprint(self) -> str:
        """Of the name: there are no settings that change a result."""
        return fingerprint_of(self.name)

    def predict(
        self, histories: Sequence[History], *, horizons_s: Sequence[float]
    ) -> Iterator[Forecast]:
        """The origin's probabilities, or certainty about its true ids."""
        for history in histories:
            last = history.observations[-1].segmentation
            for horizon_s in horizons_s:
                yield Forecast(
                    origin=history.origin,
                    horizon_s=horizon_s,
                    served_s=history.served_s(horizon_s),
                    space=last.space,
                    probs=probs_of(last).float().clone(),
                )
