"""The warp, corrected: flow-guided forecasts from a network that starts as the warp itself.

The label map is carried by trajectories on its own grid, as `flow-warp` does, so that thin things
stay sharp; the network looks at a coarser grid, bends the trajectories and multiplies the
probabilities. Axes: T maps (oldest first), K classes, H W the map's grid, h w the network's.
"""

from __future__ import annotations

import weakref
from collections import OrderedDict
from collections.abc import Iterator, Sequence
from itertools import pairwise
from typing import TYPE_CHECKING

import torch
from jaxtyping import Float
from torch import Tensor

from forecast.device import Placement, running
from forecast.device import placed as placed_network
from forecast.errors import UsageError
from forecast.geometry.resize import probs_on_grid, resize_flow, resize_maps, resize_rgb
from forecast.geometry.warp import followed
from forecast.labels import CITYSCAPES, LabelSpace
from forecast.prediction.fingerprint import fingerprint_of
from forecast.prediction.flow_guided.network import (
    FlowGuidedNetwork,
    applied,
    bent_displacement,
    factor_of,
)
from forecast.prediction.flow_guided.scene import Past, placed, scene_at
from forecast.prediction.warping.motion import Motion, motion_at_origin, moved
from forecast.stages import FlowEstimator
from forecast.values import Forecast, Frame, History, Needs, Segmentation, num_frames_in

if TYPE_CHECKING:
    from forecast.prediction.flow_guided.blend import Blend

GRID_HW = (64, 128)
LONGEST_S = 1.2
"""Seconds ahead up to which trajectories are followed; beyond, the warp fades out linearly."""
COPIED_S = 5.0
"""Seconds ahead from which on the forecast is a plain copy of the present."""

ON_CPU = Placement(device=torch.device("cpu"))
_REMEMBERED = 32
"""Maps kept small for later steps: 20 MB at 64x128 and 19 classes."""


class FlowGuided:
    """Forecasts straight to any horizon, with no rollout.

    An untrained network gives `flow-warp`, up to `longest_s`, and a copy from `COPIED_S` on.
    """

    def __init__(
        self,
        network: FlowGuidedNetwork | Blend,
        flow: FlowEstimator,
        *,
        placement: Placement = ON_CPU,
        name: str = "flow-guided-small",
        space: LabelSpace | None = CITYSCAPES,
        step_s: float = 3 / 17,
        grid_hw: tuple[int, int] = GRID_HW,
        longest_s: float = LONGEST_S,
        fingerprint: str = "",
    ) -> None:
        """Takes a network and moves it to where it will run.

        Args:
            network: Made for this space.
            flow: Between frames; one that remembers pairs saves most of its cost on video.
            placement: Where and in what precision the network runs.
            name: Name in reports.
            space: What the network's classes mean; None if it knows none.
            step_s: Stride of the past maps.
            grid_hw: What the network looks at; both multiples of 4.
            longest_s: How far trajectories are followed; below `COPIED_S`.
            fingerprint: Hash of the network's weights.
        """
        self.network = placed_network(network, placement)
        self.placement = placement
        self.flow = flow
        self.name = name
        self._space = space
        self._step_s = step_s
        self._grid_hw = grid_hw
        self.longest_s = longest_s
        self._weights = fingerprint
        self._remembered: OrderedDict[int, tuple[weakref.ref[Tensor], Tensor]] = OrderedDict()

    @property
    def space(self) -> LabelSpace | None:
        """The network's; None if it knows no classes."""
        return self._space

    @property
    def needs(self) -> Needs:
        """As many maps as the network carries, one of them of the frame before the origin."""
        return Needs(
            num_observations=self.network.num_maps - 1,
            step_s=self._step_s,
            previous=True,
            previous_seen=True,
        )

    @property
    def fingerprint(self) -> str:
        """Of the name, the weights, the flow and the grid."""
        height, width = self._grid_hw
        return fingerprint_of(
            self.name,
            weights=self._weights,
            flow=self.flow.name,
            step_s=self._step_s,
            longest_s=self.longest_s,
            copied_s=COPIED_S,
            grid=f"{height}x{width}",
        )

    def predict(
        self, histories: Sequence[History], *, horizons_s: Sequence[float]
    ) -> Iterator[Forecast]:
        """A forecast at every horizon, on the grid of the segmentation, nearest horizon first.

        Raises:
            UsageError: A history is of another label space, or too short.
        """
        for history in histories:
            self.check(history)
            yield from self._forecasts(history, sorted(horizons_s))

    def check(self, history: History) -> None:
        """Refuse a history that the network cannot read.

        Raises:
            UsageError: It is of another label space, or too short.
        """
        found, needed = len(history.observations), self.needs.num_observations
        if found < needed:
            raise UsageError(
                f"{self.name} got {found} frames and needs {needed}; start it later in the clip"
            )
        space = history.observations[-1].segmentation.space
        if self._space is not None and space != self._space:
            raise UsageError(
                f"{self.name} forecasts {self._space.name} and was given {space.name}; "
                "lift the segmentation to its space first"
            )

    def _forecasts(self, history: History, horizons_s: Sequence[float]) -> Iterator[Forecast]:
        last = history.observations[-1].segmentation
        motion = motion_at_origin(history, self.flow, last.grid_hw)
        past = self.past(history, motion)
        furthest = num_frames_in(self.longest_s, history.frame_s)
        num_frames = [min(history.num_frames(one), furthest) for one in horizons_s]
        paths = followed(motion.flow, [motion.steps(one) for one in num_frames])
        for horizon_s, count, path in zip(horizons_s, num_frames, paths, strict=True):
            bent, factor = self._corrected(past, path, count * history.frame_s)
            trust = self.trust(horizon_s)
            factor = resize_maps(1 + trust * (factor - 1), (path.shape[-2], path.shape[-1]))
            yield Forecast(
                origin=history.origin,
                horizon_s=horizon_s,
                served_s=history.served_s(horizon_s),
                space=last.space,
                probs=applied(moved(last, trust * bent)[None], factor[None])[0],
            )

    def trust(self, horizon_s: float) -> float:
        """How much of the motion and of the network counts, from 1 to 0 (a copy)."""
        span_s = COPIED_S - self.longest_s
        return min(1.0, max(0.0, (COPIED_S - horizon_s) / span_s))

    def _corrected(
        self, past: Past, path: Float[Tensor, "2 H W"], ahead_s: float
    ) -> tuple[Float[Tensor, "2 H W"], Float[Tensor, "K h w"]]:
        """The bent trajectories, and what the probabilities are multiplied by.

        In float32, and where they were: flows on the CPU, maps on the segmentation's device.
        """
        device = self.placement.device
        scene = scene_at(past, resize_flow(path, self._grid_hw), horizon_s=ahead_s)
        scene = placed(scene, device)
        with running(self.network, self.placement) as network:
            correction = network(scene)
            bent = bent_displacement(path[None].to(device), correction)[0].float()
            factor = factor_of(scene, correction)[0].float()
        return bent.to(path.device), factor.to(past.maps.device)

    def past(self, history: History, motion: Motion) -> Past:
        """What is known at the origin, on the network's grid."""
        recent = history.observations[-self.needs.num_observations :]
        maps = [self._small(one.segmentation) for one in recent]
        frames = [self._coarse(one.frame) for one in recent[::-1]]
        older = [resize_flow(self.flow(new, old), self._grid_hw) for new, old in pairwise(frames)]
        return Past(
            maps=torch.stack(maps),
            flow=resize_flow(motion.flow, self._grid_hw),
            older_flows=torch.stack(older),
            frame_s=motion.num_frames * history.frame_s,
            stride_s=history.stride_s,
            before=None if history.before is None else self._small(history.before),
        )

    def _small(self, segmentation: Segmentation) -> Float[Tensor, "K h w"]:
        """On the network's grid; on video each map is wanted again, as an older one."""
        known = segmentation.ids if segmentation.probs is None else segmentation.probs
        assert known is not None
        found = self._remembered.get(id(known))
        if found is not None and found[0]() is known:
            return found[1]
        small = probs_on_grid(segmentation, self._grid_hw)
        self._remembered[id(known)] = weakref.ref(known), small
        while len(self._remembered) > _REMEMBERED:
            self._remembered.popitem(last=False)
        return small

    def _coarse(self, frame: Frame) -> Frame:
        height, width = self._grid_hw
        return Frame(at=frame.at, rgb=resize_rgb(frame.rgb, (2 * height, 2 * width)))
