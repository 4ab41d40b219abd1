"""Pictures bent like tissue: U-Net's elastic distortion.

Ronneberger, Fischer and Brox (MICCAI 2015, section 3.1): displacements drawn from a Gaussian of 10
pixels on a coarse three by three grid, brought to every pixel by bicubic interpolation. kornia's
and torchvision's elastic transforms smooth noise of every pixel instead, and give class 0 to what
comes from outside; here that is void.
Axes: K classes, H W picture, h w grid.
"""

from __future__ import annotations

import torch
from jaxtyping import Float
from torch import Generator, Tensor
from torch.nn import functional as F

SIGMA = 10 / 512
"""Of a displacement, as a share of the picture's side (of the mean of both)."""
_KNOTS = 3


def bent(
    picture: Float[Tensor, "3 H W"], belief: Float[Tensor, "K h w"], generator: Generator
) -> tuple[Float[Tensor, "3 H W"], Float[Tensor, "K h w"]]:
    """Both bent alike: colours bilinear, labels by the nearest.

    Args:
        picture: Its border is repeated beyond it.
        belief: Of the same part; what comes from outside it says nothing (all zero).
        generator: Draws the displacements.
    """
    height, width = picture.shape[-2:]
    sigma_px = SIGMA * (height * width) ** 0.5
    knots = sigma_px * torch.randn(1, 2, _KNOTS, _KNOTS, generator=generator)
    # Shares of half a side, which is what grid_sample counts in.
    knots = knots * torch.tensor([2 / width, 2 / height])[:, None, None]
    colours = F.grid_sample(
        picture[None], _places(knots, (height, width)), padding_mode="border", align_corners=False
    )
    labels = F.grid_sample(
        belief[None], _places(knots, (belief.shape[-2], belief.shape[-1])), mode="nearest",
        padding_mode="zeros", align_corners=False,
    )  # fmt: skip
    return colours[0], labels[0]


def _places(knots: Float[Tensor, "1 2 _ _"], size_hw: tuple[int, int]) -> Float[Tensor, "1 h w 2"]:
    """Where each cell takes its value from."""
    moved = F.interpolate(knots, size_hw, mode="bicubic", align_corners=True)
    still = F.affine_grid(torch.eye(2, 3)[None], [1, 1, *size_hw], align_corners=False)
    return still + moved.movedim(1, -1)
