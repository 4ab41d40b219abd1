"""The seed's other rival: forecast the picture, then segment it."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import replace

from forecast.geometry.resize import probs_of
from forecast.geometry.warp import followed, warp_rgb
from forecast.labels import LabelSpace
from forecast.prediction.fingerprint import fingerprint_of
from forecast.prediction.warping.motion import motion_at_origin
from forecast.stages import FlowEstimator, Segmenter
from forecast.values import STRIDE_S, Forecast, Frame, History, Needs


class FramesThenSegment:
    """The origin's picture, carried by trajectories as `flow-warp` does, then segmented."""

    def __init__(
        self, flow: FlowEstimator, segmenter: Segmenter, *, step_s: float = STRIDE_S
    ) -> None:
        self._flow = flow
        self._segmenter = segmenter
        self._step_s = step_s

    @property
    def name(self) -> str:
        """`frames-then-segment`."""
        return "frames-then-segment"

    @property
    def space(self) -> LabelSpace | None:
        """The segmenter's."""
        return self._segmenter.space

    @property
    def needs(self) -> Needs:
        """The origin and the source frame before it."""
        return Needs(num_observations=1, step_s=self._step_s, previous=True)

    @property
    def fingerprint(self) -> str:
        """Of the name, the flow's and the segmenter's."""
        return fingerprint_of(
            self.name, flow=self._flow.name, segmenter=self._segmenter.fingerprint
        )

    def predict(
        self, histories: Sequence[History], *, horizons_s: Sequence[float]
    ) -> Iterator[Forecast]:
        """A forecast at every horizon, on the segmenter's grid, the nearest horizon first."""
        for history in histories:
            rising = sorted(horizons_s)
            for horizon_s, frame in zip(rising, self._frames(history, rising), strict=True):
                (segmentation,) = self._segmenter([frame])
                yield Forecast(
                    origin=history.origin,
                    horizon_s=horizon_s,
                    served_s=history.served_s(horizon_s),
                    space=segmentation.space,
                    probs=probs_of(segmentation),
                )

    def _frames(self, history: History, horizons_s: Sequence[float]) -> Iterator[Frame]:
        """Forecast pictures, dated as the frames they stand for."""
        origin = history.observations[-1].frame
        motion = motion_at_origin(history, self._flow, origin.size_hw)
        ahead = [history.num_frames(one) for one in horizons_s]
        fields = followed(motion.flow, [motion.steps(one) for one in ahead])
        for num_frames, displacement in zip(ahead, fields, strict=True):
            at = replace(
                origin.at,
                index=origin.at.index + num_frames,
                pts_s=origin.at.pts_s + num_frames * history.frame_s,
            )
            yield Frame(at=at, rgb=warp_rgb(origin.rgb, displacement))
