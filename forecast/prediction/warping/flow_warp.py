"""Baseline: the last segmentation, warped along the optical flow."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

from forecast.geometry.warp import followed
from forecast.labels import LabelSpace
from forecast.prediction.fingerprint import fingerprint_of
from forecast.prediction.warping.motion import moved_forecasts
from forecast.stages import FlowEstimator
from forecast.values import STRIDE_S, Forecast, History, Needs


class FlowWarp:
    """The last segmentation, carried by trajectories.

    The flow at the origin is held still, and each pixel of the future is followed back along it,
    one source frame at a time, the flow read where the point has got to. (Multiplying the flow at
    the first point instead falls below copying within a second.) Without the source frame before
    the origin, the flow over the last stride takes its place; without either, nothing moves.
    """

    def __init__(self, flow: FlowEstimator, *, step_s: float = STRIDE_S) -> None:
        self._flow = flow
        self._step_s = step_s

    @property
    def name(self) -> str:
        """`flow-warp`."""
        return "flow-warp"

    @property
    def space(self) -> LabelSpace | None:
        """Any."""
        return None

    @property
    def needs(self) -> Needs:
        """The origin and the source frame before it."""
        return Needs(num_observations=1, step_s=self._step_s, previous=True)

    @property
    def fingerprint(self) -> str:
        """Of the name and the flow's."""
        return fingerprint_of(self.name, flow=self._flow.name)

    def predict(
        self, histories: Sequence[History], *, horizons_s: Sequence[float]
    ) -> Iterator[Forecast]:
        """A forecast at every horizon, on the grid of the segmentation."""
        for history in histories:
            yield from moved_forecasts(history, horizons_s, flow=self._flow, displacements=followed)
