"""Exact labels made to look as a segmenter would have seen them.

A real segmenter moves borders by a pixel or two, loses thin and small things, mistakes patches for
another class of the same scene, and is unsure about all of it; and it does so anew in each frame.
Axes: K classes, h w grid.
"""

from __future__ import annotations

import torch
from jaxtyping import Float
from torch import Generator, Tensor
from torch.nn import functional as F

from forecast.geometry.warp import warp

BORDER_PX = 1.0
"""Standard deviation of how far a border moves."""
MISTAKEN_SHARE = 0.03
"""Share of the picture that is taken for something else."""


def as_if_segmented(
    certain: Float[Tensor, "K h w"], generator: Generator
) -> Float[Tensor, "K h w"]:
    """A soft map that errs as a segmenter does; a new one at each call."""
    height, width = certain.shape[-2:]
    moved = warp(certain, _smooth((2, height, width), 8, generator) * BORDER_PX)
    blurred = F.avg_pool2d(moved, 3, stride=1, padding=1, count_include_pad=False)
    other = certain.roll(_shift(generator, width), dims=-1)
    mistaken = _smooth((1, height, width), 12, generator)
    level = mistaken.flatten().kthvalue(max(1, round(mistaken.numel() * (1 - MISTAKEN_SHARE))))
    share = ((mistaken - level.values) * 4).sigmoid()
    doubt = 0.06 * torch.rand((), generator=generator)
    mixed = blurred * (1 - share) + other * share
    return mixed * (1 - doubt) + doubt / len(certain)


def _shift(generator: Generator, width: int) -> int:
    return int(torch.randint(width // 8, width, (), generator=generator))


def _smooth(shape: tuple[int, int, int], cell_px: int, generator: Generator) -> Tensor:
    """Noise of unit variance that varies over about `cell_px` pixels."""
    channels, height, width = shape
    coarse = torch.randn(
        1, channels, height // cell_px + 2, width // cell_px + 2, generator=generator
    )
    return F.interpolate(coarse, (height, width), mode="bicubic", align_corners=False)[0]
