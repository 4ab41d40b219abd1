"""Pictures as another camera, hour or weather might have taken them.

Promises values in about 0 to 1, and equal pictures for equal generators. Axes: H W picture.
"""

from __future__ import annotations

import torch
from jaxtyping import Float
from torch import Generator, Tensor
from torch.nn import functional as F


def relit(rgb: Float[Tensor, "3 H W"], generator: Generator) -> Float[Tensor, "3 H W"]:
    """The picture with other light and colour, sometimes blurred, sometimes noisy."""

    def between(low: float, high: float) -> float:
        return low + (high - low) * float(torch.rand((), generator=generator))

    def sometimes(share: float) -> bool:
        return between(0.0, 1.0) < share

    if sometimes(0.8):
        rgb = rgb * between(0.6, 1.4)
        rgb = (rgb - rgb.mean()) * between(0.6, 1.4) + rgb.mean()
        grey = rgb.mean(dim=0, keepdim=True)
        rgb = (rgb - grey) * between(0.4, 1.5) + grey
        rgb = rgb * torch.tensor([between(0.9, 1.1) for _ in range(3)])[:, None, None]
    rgb = rgb.clamp(0, 1)
    if sometimes(0.4):
        rgb = rgb.clamp_min(1e-4) ** between(0.6, 1.6)
    if sometimes(0.25):
        size = 3 if sometimes(0.5) else 5
        rgb = F.avg_pool2d(rgb[None], size, stride=1, padding=size // 2)[0]
    if sometimes(0.3):
        rgb = rgb + torch.randn(rgb.shape, generator=generator) * between(0.005, 0.04)
    return rgb
