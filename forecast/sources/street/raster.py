"""Draws patches into a picture with a depth buffer, and says which patch each pixel shows.

Axes: F patches, H W picture, h w part of it.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from forecast.sources.street.patches import Placed, Texture

NO_PATCH = -1
"""Ground, for a pixel with a positive inverse depth; else sky."""
_NEAR_M = 0.4
_CORNERS = np.array([[0.0, 0.0, 1.0], [1.0, 0.0, 1.0], [1.0, 1.0, 1.0], [0.0, 1.0, 1.0]]).T


@dataclass(slots=True, kw_only=True)
class Canvas:
    """Buffers of one picture; drawing changes them in place."""

    rgba: NDArray[np.uint8]
    """[H, W, 4]"""
    inverse_depth: NDArray[np.float32]
    """[H, W]; 0 is infinitely far."""
    patch: NDArray[np.int32]
    """[H, W]; index of the patch drawn, or NO_PATCH."""

    @classmethod
    def blank(cls, size_hw: tuple[int, int]) -> "Canvas":
        """Nothing drawn: infinitely far everywhere."""
        return cls(
            rgba=np.zeros((*size_hw, 4), np.uint8),
            inverse_depth=np.zeros(size_hw, np.float32),
            patch=np.full(size_hw, NO_PATCH, np.int32),
        )


def _clipped(corners: NDArray[np.float64]) -> NDArray[np.float64]:
    """The part of a polygon [3, n] in front of the near plane."""
    kept: list[NDArray[np.float64]] = []
    for index in range(corners.shape[1]):
        here, there = corners[:, index], corners[:, (index + 1) % corners.shape[1]]
        if here[2] >= _NEAR_M:
            kept.append(here)
        if (here[2] >= _NEAR_M) != (there[2] >= _NEAR_M):
            share = (_NEAR_M - here[2]) / (there[2] - here[2])
            kept.append(here + share * (there - here))
    return np.stack(kept, axis=1)


def bounds(
    homographies: NDArray[np.float64], size_hw: tuple[int, int]
) -> tuple[NDArray[np.int64], NDArray[np.bool_]]:
    """First and last pixels (x0, y0, x1, y1; end exclusive) [F, 4] of patches, and which show."""
    height, width = size_hw
    corners = homographies @ _CORNERS  # F 3 4
    depth = corners[:, 2]
    behind = (depth < _NEAR_M).any(axis=1)
    shows = (depth >= _NEAR_M).any(axis=1)
    pixels = corners[:, :2] / np.maximum(depth, _NEAR_M)[:, None]
    low, high = pixels.min(axis=2), pixels.max(axis=2)
    for index in np.flatnonzero(behind & shows):
        part = _clipped(corners[index])
        low[index] = (part[:2] / part[2]).min(axis=1)
        high[index] = (part[:2] / part[2]).max(axis=1)
    limits = np.array([width, height])
    first = np.clip(np.ceil(low), 0, limits)
    last = np.clip(np.floor(high) + 1, 0, limits)
    return np.concatenate([first, last], 1).astype(np.int64), shows & (first < last).all(axis=1)


def _level(texture: Texture, inverse: NDArray[np.float64], centre: tuple[float, float]) -> int:
    """The copy of a texture whose texels are about as large as pixels."""
    x, y = centre
    w = inverse[2, 0] * x + inverse[2, 1] * y + inverse[2, 2]
    if w <= 0:
        return 0
    uv = (inverse @ np.array([x, y, 1.0]))[:2] / w
    jacobian = (inverse[:2, :2] - np.outer(uv, inverse[2, :2])) / w
    height, width = texture.levels[0].shape[:2]
    area = abs(float(np.linalg.det(jacobian))) * height * width
    if not np.isfinite(area) or area <= 1.0:
        return 0
    return min(int(0.5 * np.log2(area) + 0.35), len(texture.levels) - 1)


def sampled(
    levels: Texture, inverse: NDArray[np.float64], box: tuple[int, int, int, int]
) -> NDArray[np.uint8]:
    """A texture as it appears in a box of the picture."""
    import cv2

    x0, y0, x1, y1 = box
    texels = levels.levels[_level(levels, inverse, ((x0 + x1 - 1) / 2, (y0 + y1 - 1) / 2))]
    height, width = texels.shape[:2]
    # Texel centres lie half a texel inside the painted square.
    scale = np.array([[width, 0.0, -0.5], [0.0, height, -0.5], [0.0, 0.0, 1.0]])
    shift = np.array([[1.0, 0.0, x0], [0.0, 1.0, y0], [0.0, 0.0, 1.0]])
    return np.asarray(
        cv2.warpPerspective(
            texels,
            scale @ inverse @ shift,
            (x1 - x0, y1 - y0),
            flags=cv2.INTER_LINEAR | cv2.WARP_INVERSE_MAP,
            borderMode=cv2.BORDER_CONSTANT,
        ),
        np.uint8,
    )


def _visible(homographies: NDArray[np.float64], one_sided: NDArray[np.bool_]) -> NDArray[np.bool_]:
    """Patches not seen edge-on, nor from behind where that shows nothing."""
    volume = np.linalg.det(homographies)
    return (volume > 1e-9) | (~one_sided & (volume < -1e-9))


def draw(canvas: Canvas, placed: Placed, homographies: NDArray[np.float64]) -> None:
    """Every patch that shows, hiding what is farther."""
    height, width = canvas.patch.shape
    boxes, shows = bounds(homographies, (height, width))
    chosen = np.flatnonzero(shows & _visible(homographies, placed.one_sided))
    inverses = np.linalg.inv(homographies[chosen])
    columns, rows = np.arange(width, dtype=np.float64), np.arange(height, dtype=np.float64)
    colours = canvas.rgba.view(np.uint32)[..., 0]
    for index, inverse in zip(chosen, inverses, strict=True):
        x0, y0, x1, y1 = (int(value) for value in boxes[index])
        along = inverse[2, 0] * columns[x0:x1]
        down = inverse[2, 1] * rows[y0:y1] + inverse[2, 2]
        inverse_depth = (down[:, None] + along).astype(np.float32)
        held = canvas.inverse_depth[y0:y1, x0:x1]
        nearer = inverse_depth > held
        if not nearer.any():
            continue
        texels = sampled(placed.textures[index], inverse, (x0, y0, x1, y1))
        nearer &= texels[..., 3] > 127
        np.copyto(held, inverse_depth, where=nearer)
        np.copyto(colours[y0:y1, x0:x1], texels.view(np.uint32)[..., 0], where=nearer)
        np.copyto(canvas.patch[y0:y1, x0:x1], np.int32(index), where=nearer)
