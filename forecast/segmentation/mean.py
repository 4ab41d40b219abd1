"""Several segmenters as one: the mean of their beliefs.

Promises one segmentation a frame, in order, on the finest of their grids.
Axes: K classes, h w grid.
"""

from __future__ import annotations

from collections.abc import Sequence

import torch
from jaxtyping import Float
from torch import Tensor

from forecast.checkpoints import fingerprint
from forecast.errors import UsageError
from forecast.geometry.resize import probs_on_grid
from forecast.labels import LabelSpace
from forecast.stages import Segmenter
from forecast.values import Frame, Segmentation


class MeanSegmenter:
    """Frames in, the mean of what some segmenters believe out.

    Args:
        segmenters: One or more, of one label space.

    Raises:
        UsageError: They speak of different classes.
    """

    def __init__(self, segmenters: Sequence[Segmenter]) -> None:
        spaces = {one.space.name for one in segmenters}
        if len(spaces) != 1:
            said = ", ".join(f"{one.name} speaks {one.space.name}" for one in segmenters)
            raise UsageError(f"{said}; a mean needs segmenters of the same classes")
        self._segmenters = tuple(segmenters)

    @property
    def name(self) -> str:
        """Their names, joined."""
        return "+".join(one.name for one in self._segmenters)

    @property
    def space(self) -> LabelSpace:
        """What their classes mean."""
        return self._segmenters[0].space

    @property
    def fingerprint(self) -> str:
        """Hash of theirs, in order."""
        return fingerprint({}, "mean", *(one.fingerprint for one in self._segmenters))

    def __call__(self, frames: Sequence[Frame]) -> Sequence[Segmentation]:
        """One segmentation a frame, in order."""
        each = [one(frames) for one in self._segmenters]
        return [_mean(views) for views in zip(*each, strict=True)]


def _mean(views: Sequence[Segmentation]) -> Segmentation:
    grid_hw = max((_grid(one) for one in views), key=lambda size: size[0] * size[1])
    total: Float[Tensor, "K h w"] = torch.stack([probs_on_grid(one, grid_hw) for one in views])
    first = views[0]
    return Segmentation(
        at=first.at, space=first.space, size_hw=first.size_hw, probs=total.mean(dim=0)
    )


def _grid(seen: Segmentation) -> tuple[int, int]:
    if seen.probs is None:
        return seen.size_hw
    return seen.probs.shape[-2], seen.probs.shape[-1]
