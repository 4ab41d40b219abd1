"""The rival where things meet: everything moves on, and the nearest object is seen.

Axes: H W grid.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence

import numpy as np
import torch
from jaxtyping import Bool, Float
from numpy.typing import NDArray
from torch import Tensor

from forecast.geometry.warp import followed, splat_sources
from forecast.labels import LabelSpace
from forecast.prediction.fingerprint import fingerprint_of
from forecast.prediction.warping.motion import moved_forecasts
from forecast.stages import FlowEstimator
from forecast.values import STRIDE_S, Forecast, History, Needs

LATEST_SHARE = 2 / 3
"""Weight of the last source frame's flow; the rest is the last stride's, which is less noisy."""
SHARPNESS = 2.0
"""How fast, for each pixel moved less, a surface fades behind the one on top."""
COVERED = 0.5
"""A pixel on which less than this much of a pixel has landed is a hole."""


class FlowWarpSplat:
    """The last segmentation, pushed forward in straight lines.

    Where several pixels land on one, the one that moves furthest is taken to be nearest and lies
    on top. What nothing lands on is filled by the trajectories of `flow-warp`. The flow is a mean
    over the last source frame and the last stride, by source frame, as far as the history has both.
    """

    def __init__(self, flow: FlowEstimator, *, step_s: float = STRIDE_S) -> None:
        self._flow = flow
        self._step_s = step_s

    @property
    def name(self) -> str:
        """`flow-warp-splat`."""
        return "flow-warp-splat"

    @property
    def space(self) -> LabelSpace | None:
        """Any."""
        return None

    @property
    def needs(self) -> Needs:
        """One stride and the source frame before the origin."""
        return Needs(num_observations=2, step_s=self._step_s, previous=True)

    @property
    def fingerprint(self) -> str:
        """Of the name, the flow's and the rule's settings."""
        return fingerprint_of(
            self.name,
            flow=self._flow.name,
            latest_share=LATEST_SHARE,
            sharpness=SHARPNESS,
            covered=COVERED,
        )

    def predict(
        self, histories: Sequence[History], *, horizons_s: Sequence[float]
    ) -> Iterator[Forecast]:
        """A forecast at every horizon, on the grid of the segmentation."""
        for history in histories:
            yield from moved_forecasts(
                history,
                horizons_s,
                flow=self._flow,
                displacements=splatted,
                latest_share=LATEST_SHARE,
            )


def splatted(
    flow: Float[Tensor, "2 H W"], num_steps: Sequence[float]
) -> Iterator[Float[Tensor, "2 H W"]]:
    """Where each pixel of the future comes from, when the present is pushed forward.

    Args:
        flow: The backward displacement of one step.
        num_steps: Not falling; fractions are allowed.

    Yields:
        One displacement for each entry, as `followed` gives, and equal to it in the holes.
    """
    for steps, behind in zip(num_steps, followed(flow, num_steps), strict=True):
        landed, hole = _landed(-steps * flow)
        yield torch.where(hole, behind, -landed)


def _landed(
    move: Float[Tensor, "2 H W"],
) -> tuple[Float[Tensor, "2 H W"], Bool[Tensor, "H W"]]:
    """The move of what lies on top at each pixel, and where too little has landed.

    Each source lands on the four pixels around its end, by bilinear shares; among what lands on one
    pixel, shares fade with the distance behind the top (softmax splatting, Niklaus and Liu, CVPR
    2020, section 3.2, with the length of the move in the place of depth).
    """
    height, width = move.shape[-2:]
    size = height * width
    length = move.norm(dim=0)
    top = _tops(move, length)
    dx, dy = (axis.ravel() for axis in move.double().numpy())
    x, y = dx + np.tile(np.arange(width), height), dy + np.repeat(np.arange(height), width)
    left, above = np.floor(x), np.floor(y)
    depth = length.double().numpy().ravel()
    covered, weights, across, down = np.zeros((4, size))
    for column, row in ((left, above), (left + 1, above), (left, above + 1), (left + 1, above + 1)):
        share = (1 - np.abs(x - column)) * (1 - np.abs(y - row))
        inside = (column >= 0) & (column < width) & (row >= 0) & (row < height)
        target = np.where(inside, row * width + column, size).astype(np.int64)
        weight = share * np.exp(SHARPNESS * np.minimum(depth - top[target], 0))
        covered += _summed(target, share, size)
        weights += _summed(target, weight, size)
        across += _summed(target, weight * dx, size)
        down += _summed(target, weight * dy, size)
    mean = np.stack([across, down]) / np.maximum(weights, 1e-12)
    hole = torch.from_numpy(covered < COVERED).reshape(height, width)
    return torch.from_numpy(mean).float().reshape(2, height, width), hole


def _tops(move: Float[Tensor, "2 H W"], length: Float[Tensor, "H W"]) -> NDArray[np.float64]:
    """Length of the longest move that ends at each pixel, 0 where none does; then 0 for outside."""
    sources = splat_sources(move, length).flatten()
    tops = torch.where(sources < 0, 0, length.flatten()[sources.clamp(min=0)])
    return np.append(tops.double().numpy(), 0.0)


def _summed(
    target: NDArray[np.int64], values: NDArray[np.float64], size: int
) -> NDArray[np.float64]:
    sums = np.bincount(target, values, size + 1)
    return sums[:size].astype(np.float64, copy=False)
