"""Grain, blotches and clouds: seeded noise that textures are made of.

Axes: H W texels.
"""

from __future__ import annotations

import cv2
import numpy as np
from numpy.typing import NDArray

Plane = NDArray[np.float32]


def smooth_noise(
    rng: np.random.Generator, size_hw: tuple[int, int], *, cell: int, octaves: int = 3
) -> Plane:
    """Blotches about `cell` texels wide with finer ones on top; mean 0, largest 1; it tiles."""
    height, width = size_hw
    total = np.zeros(size_hw, np.float32)
    for octave in range(octaves):
        step = max(1, cell >> octave)
        coarse = rng.standard_normal((max(2, height // step), max(2, width // step)))
        wrapped = np.pad(coarse.astype(np.float32), 2, mode="wrap")
        scale_y, scale_x = height / coarse.shape[0], width / coarse.shape[1]
        large = cv2.resize(
            wrapped,
            (round(wrapped.shape[1] * scale_x), round(wrapped.shape[0] * scale_y)),
            interpolation=cv2.INTER_CUBIC,
        )
        top, left = round(2 * scale_y), round(2 * scale_x)
        total += large[top : top + height, left : left + width] * 0.5**octave
    total -= total.mean()
    return total / max(1e-6, float(np.abs(total).max()))


def grain(rng: np.random.Generator, size_hw: tuple[int, int]) -> Plane:
    """Independent noise of standard deviation 1."""
    return rng.standard_normal(size_hw, dtype=np.float32)


def tinted(
    colour: tuple[float | int, float | int, float | int], *layers: Plane
) -> NDArray[np.float32]:
    """[H, W, 3]: a colour made lighter and darker by the sum of layers (0.1 is a tenth)."""
    total = np.ones_like(layers[0])
    for layer in layers:
        total = total + layer
    return np.asarray(colour, np.float32) * total[..., None]


def opaque(rgb: NDArray[np.float32]) -> NDArray[np.uint8]:
    """[H, W, 4] with nothing transparent."""
    alpha = np.full((*rgb.shape[:2], 1), 255, np.float32)
    return np.concatenate([rgb, alpha], axis=2).clip(0, 255).astype(np.uint8)
