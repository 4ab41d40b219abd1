"""Samples seen another way: mirrored, and through a smaller window that may be enlarged.

Maps, flows, pictures' directions and labels change together. Axes: K classes, H W whole grid,
h w window.
"""

from __future__ import annotations

from dataclasses import replace

import torch
from jaxtyping import Float, UInt8
from torch import Generator, Tensor

from forecast.geometry.resize import resize_flow, resize_ids, resize_maps
from forecast.training.samples import Sample, Target

WIDEST = 1.25
"""A window may show this much more than its own size, shrunk..."""
CLOSEST = 0.6
"""...or this much less, enlarged."""
ZOOM_SHARE = 0.4
"""How often a window is shrunk or enlarged at all."""


def augmented(sample: Sample, window_hw: tuple[int, int], generator: Generator) -> Sample:
    """The sample through a random window of that size, mirrored half of the time."""
    top, left, height, width = _window(sample, window_hw, generator)
    flip = bool(torch.rand((), generator=generator) < 0.5)

    def cut(maps: Tensor) -> Tensor:
        return maps[..., top : top + height, left : left + width]

    def seen_maps(maps: Float[Tensor, "*N K H W"]) -> Tensor:
        resized = resize_maps(cut(maps), window_hw)
        return resized.flip(-1) if flip else resized

    def seen_flow(flow: Float[Tensor, "2 H W"]) -> Float[Tensor, "2 h w"]:
        resized = resize_flow(cut(flow), window_hw)
        return resized.flip(-1) * torch.tensor([-1.0, 1.0])[:, None, None] if flip else resized

    def seen_ids(ids: UInt8[Tensor, "H W"]) -> UInt8[Tensor, "h w"]:
        resized = resize_ids(cut(ids), window_hw)
        return resized.flip(-1) if flip else resized

    return replace(
        sample,
        maps=seen_maps(sample.maps),
        flow=seen_flow(sample.flow),
        older_flows=torch.stack([seen_flow(one) for one in sample.older_flows]),
        targets=tuple(
            Target(num_frames=one.num_frames, ids=seen_ids(one.ids)) for one in sample.targets
        ),
    )


def _window(
    sample: Sample, window_hw: tuple[int, int], generator: Generator
) -> tuple[int, int, int, int]:
    full = sample.maps.shape[-2:]
    draws = torch.rand(4, generator=generator).tolist()
    scale = CLOSEST + (WIDEST - CLOSEST) * draws[1] if draws[0] < ZOOM_SHARE else 1.0
    scale = min(scale, *(whole / side for whole, side in zip(full, window_hw, strict=True)))
    height, width = (round(side * scale) for side in window_hw)
    top, left = round(draws[2] * (full[0] - height)), round(draws[3] * (full[1] - width))
    return top, left, height, width
