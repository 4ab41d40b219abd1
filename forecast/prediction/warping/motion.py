"""What is known of motion at the origin, and what has moved along it.

Axes: K classes, H W picture or grid.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass

import torch
from jaxtyping import Float
from torch import Tensor

from forecast.geometry.resize import one_hot, resize_flow, resize_rgb
from forecast.geometry.warp import warp, warp_ids
from forecast.stages import FlowEstimator
from forecast.values import Forecast, Frame, History, Segmentation, num_stride_frames

Displacements = Callable[
    [Float[Tensor, "2 H W"], Sequence[float]], Iterator[Float[Tensor, "2 H W"]]
]
"""A flow of one step and rising numbers of steps, to where each pixel of the future comes from."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Motion:
    """The flow from the origin back to an earlier frame."""

    flow: Float[Tensor, "2 H W"]
    num_frames: int
    """Source frames between the two."""

    def steps(self, num_frames: int) -> float:
        """How many times the flow is followed to get that many source frames ahead."""
        return num_frames / self.num_frames


def motion_at_origin(
    history: History,
    flow: FlowEstimator,
    grid_hw: tuple[int, int],
    *,
    latest_share: float = 1.0,
) -> Motion:
    """The motion that ends at the origin, in pixels of the grid; none at all from a single frame.

    The flow is estimated on pictures no larger than the grid, for detail that the grid cannot hold
    costs time only; smaller pictures are left as they are.

    Args:
        history: What was seen.
        flow: Estimates the flow.
        grid_hw: Grid of what will be moved.
        latest_share: Where the history has both the source frame before the origin and a stride,
            how much the former counts in the mean by source frame; else the one there is counts.
    """
    origin = history.observations[-1].frame
    found: list[Motion] = []
    if history.previous is not None:
        found.append(motion_between(origin, history.previous, 1, flow, grid_hw))
    if len(history.observations) > 1 and (not found or latest_share < 1):
        stride = num_stride_frames(history.stride_s, history.frame_s)
        earlier = history.observations[-2].frame
        found.append(motion_between(origin, earlier, stride, flow, grid_hw))
    if not found:
        return Motion(flow=torch.zeros(2, *grid_hw), num_frames=1)
    if len(found) == 1:
        return found[0]
    latest, longer = found
    mean = latest_share * latest.flow + (1 - latest_share) * longer.flow / longer.num_frames
    return Motion(flow=mean, num_frames=1)


def motion_between(
    origin: Frame,
    earlier: Frame,
    num_frames: int,
    flow: FlowEstimator,
    grid_hw: tuple[int, int],
) -> Motion:
    """The flow from a picture back to one that many source frames earlier, on the grid."""
    height, width = origin.size_hw
    working_hw = (min(height, grid_hw[0]), min(width, grid_hw[1]))
    found = flow(_resized(origin, working_hw), _resized(earlier, working_hw))
    return Motion(flow=resize_flow(found, grid_hw), num_frames=num_frames)


def _resized(frame: Frame, size_hw: tuple[int, int]) -> Frame:
    return Frame(at=frame.at, rgb=resize_rgb(frame.rgb, size_hw))


def moved(
    segmentation: Segmentation, displacement: Float[Tensor, "2 H W"]
) -> Float[Tensor, "K H W"]:
    """What was there, carried along: true ids by the nearest, probabilities between neighbours."""
    if segmentation.probs is not None:
        return warp(segmentation.probs, displacement)
    ids = warp_ids(segmentation.exact, displacement)
    return one_hot(ids, segmentation.space.num_classes)


def moved_forecasts(
    history: History,
    horizons_s: Sequence[float],
    *,
    flow: FlowEstimator,
    displacements: Displacements,
    latest_share: float = 1.0,
) -> Iterator[Forecast]:
    """The origin's segmentation at each horizon, nearest horizon first.

    Displacements are composed first and the classes sampled once, so that nothing blurs on the way.
    """
    last = history.observations[-1].segmentation
    motion = motion_at_origin(history, flow, last.grid_hw, latest_share=latest_share)
    rising = sorted(horizons_s)
    steps = [motion.steps(history.num_frames(one)) for one in rising]
    for horizon_s, displacement in zip(rising, displacements(motion.flow, steps), strict=True):
        yield Forecast(
            origin=history.origin,
            horizon_s=horizon_s,
            served_s=history.served_s(horizon_s),
            space=last.space,
            probs=moved(last, displacement),
        )
