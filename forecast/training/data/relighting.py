"""Pictures as another camera, hour or weather might have taken them.

Promises values in about 0 to 1, and equal pictures for equal generators: every number is drawn
here and handed to kornia's functions, whose own augmentations draw from the global state.
Axes: H W picture.
"""

from __future__ import annotations

import torch
from jaxtyping import Float
from kornia.enhance import (
    adjust_brightness_accumulative,
    adjust_contrast_with_mean_subtraction,
    adjust_gamma,
    adjust_saturation_with_gray_subtraction,
)
from kornia.filters import gaussian_blur2d, motion_blur
from torch import Generator, Tensor


def relit(rgb: Float[Tensor, "3 H W"], generator: Generator) -> Float[Tensor, "3 H W"]:
    """The picture with other light and colour, sometimes blurred, sometimes noisy."""

    def between(low: float, high: float) -> float:
        return low + (high - low) * float(torch.rand((), generator=generator))

    def sometimes(share: float) -> bool:
        return between(0.0, 1.0) < share

    if sometimes(0.8):
        rgb = adjust_brightness_accumulative(rgb, between(0.6, 1.4))
        rgb = adjust_contrast_with_mean_subtraction(rgb, between(0.6, 1.4))
        rgb = adjust_saturation_with_gray_subtraction(rgb, between(0.4, 1.5))
        rgb = rgb * torch.tensor([between(0.9, 1.1) for _ in range(3)])[:, None, None]
    rgb = rgb.clamp(0, 1)
    if sometimes(0.4):
        rgb = adjust_gamma(rgb, between(0.6, 1.6))
    if sometimes(0.25):
        size = 3 if sometimes(0.5) else 5
        if sometimes(0.5):
            rgb = motion_blur(rgb[None], size, between(0.0, 180.0), 0.0)[0]
        else:
            rgb = gaussian_blur2d(rgb[None], (size, size), (0.3 * size, 0.3 * size))[0]
    if sometimes(0.3):
        rgb = rgb + torch.randn(rgb.shape, generator=generator) * between(0.005, 0.04)
    return rgb
