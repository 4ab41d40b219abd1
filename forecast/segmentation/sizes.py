"""The size a picture is brought to before a network sees it.

Every rule depends on the picture's size alone, so that frames of one size form a batch. Pictures
are resized on their 8-bit values with the bilinear filter widened by the shrinking factor, which
is what Pillow does, within a level, and what the public networks were measured with.
Axes: B batch, H W picture, h w wanted size.
"""

from __future__ import annotations

import math
from collections.abc import Callable
from dataclasses import dataclass

from jaxtyping import UInt8
from torch import Tensor
from torch.nn import functional as F

SizeRule = Callable[[tuple[int, int]], tuple[int, int]]
"""Height and width of a picture -> those of the network's input."""


@dataclass(frozen=True, slots=True)
class FixedSize:
    """One size for every picture; its aspect is not kept."""

    height: int
    width: int

    def __call__(self, _: tuple[int, int]) -> tuple[int, int]:
        """The size, whatever the picture's."""
        return self.height, self.width


@dataclass(frozen=True, slots=True)
class ShorterSide:
    """The shorter side at a length, the aspect kept."""

    length: int

    def __call__(self, size_hw: tuple[int, int]) -> tuple[int, int]:
        """The size for a picture."""
        scale = self.length / min(size_hw)
        return round(size_hw[0] * scale), round(size_hw[1] * scale)


@dataclass(frozen=True, slots=True)
class PixelBudget:
    """About so many pixels whatever the aspect, which is kept as nearly as the multiple allows."""

    num_pixels: int
    multiple: int
    """Both sides are whole multiples of this."""

    def __call__(self, size_hw: tuple[int, int]) -> tuple[int, int]:
        """The size for a picture; the cost of one frame is then the same for any camera."""
        height, width = size_hw
        scale = math.sqrt(self.num_pixels / (height * width))
        return self._whole(height * scale), self._whole(width * scale)

    def _whole(self, length: float) -> int:
        return max(self.multiple, round(length / self.multiple) * self.multiple)


def resized(
    pictures: UInt8[Tensor, "B 3 H W"], size_hw: tuple[int, int]
) -> UInt8[Tensor, "B 3 h w"]:
    """Pictures at another size; the same tensor if nothing changes."""
    if tuple(pictures.shape[-2:]) == size_hw:
        return pictures
    if pictures.device.type == "cpu":
        return F.interpolate(pictures, size_hw, mode="bilinear", antialias=True)
    # Accelerators have this filter for real numbers only: at most one level away from the CPU.
    wide = F.interpolate(pictures.float(), size_hw, mode="bilinear", antialias=True)
    return wide.round_().clamp_(0, 255).byte()
