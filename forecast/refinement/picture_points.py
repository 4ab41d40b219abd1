"""Pixels as points: where they lie and what colour they have, in standard deviations.

Axes: B pictures, P = B times h times w pixels, K classes, h w grid.
"""

from __future__ import annotations

import torch
from jaxtyping import Float, Int64, UInt8
from torch import Tensor

from forecast.refinement.permutohedral import Lattice, build_lattice


def spatial_lattice(size: tuple[int, int, int], sigma_px: float, device: torch.device) -> Lattice:
    """Pixels of `size` = (pictures, height, width) by place alone."""
    return build_lattice(_places(size, device) / sigma_px, _pictures(size, device))


def bilateral_lattice(
    rgb: Float[Tensor, "B 3 h w"] | UInt8[Tensor, "B 3 h w"], sigma_px: float, sigma_rgb: float
) -> Lattice:
    """Pixels by place and colour, colours from 0 to 255."""
    size = (len(rgb), rgb.shape[2], rgb.shape[3])
    colours = rows_of(rgb.float()) / sigma_rgb
    places = _places(size, rgb.device) / sigma_px
    return build_lattice(torch.cat([places, colours], 1), _pictures(size, rgb.device))


def rows_of(maps: Float[Tensor, "B K h w"]) -> Float[Tensor, "P K"]:
    """One row a pixel, picture after picture."""
    return maps.permute(0, 2, 3, 1).reshape(-1, maps.shape[1])


def maps_of(rows: Float[Tensor, "P K"], size: tuple[int, int, int]) -> Float[Tensor, "B K h w"]:
    """The maps whose rows these are."""
    return rows.reshape(*size, -1).permute(0, 3, 1, 2)


def raster(
    size: tuple[int, int, int], stride: int, device: torch.device
) -> Int64[Tensor, " P"] | None:
    """Rows of every `stride`-th pixel each way; None for all."""
    if stride == 1:
        return None
    every = torch.arange(size[0] * size[1] * size[2], device=device).reshape(size)
    return every[:, ::stride, ::stride].reshape(-1)


def _places(size: tuple[int, int, int], device: torch.device) -> Float[Tensor, "P 2"]:
    num, height, width = size
    y = torch.arange(height, device=device, dtype=torch.float32)[:, None].expand(height, width)
    x = torch.arange(width, device=device, dtype=torch.float32).expand(height, width)
    return torch.stack([x, y], -1).reshape(-1, 2).repeat(num, 1)  # P 2


def _pictures(size: tuple[int, int, int], device: torch.device) -> Int64[Tensor, " P"]:
    num, height, width = size
    return torch.arange(num, device=device).repeat_interleave(height * width)
