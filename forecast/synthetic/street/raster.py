"""Draws patches into a picture with a depth buffer, and says which patch each pixel shows.

Axes: F patches, H W picture, h w part of it.
"""

from __future__ import annotations

from dataclasses import dataclass

import cv2
import numpy as np
from numpy.typing import NDArray

from forecast.synthetic.street.patches import Placed

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
    def blank(cls, size_hw: tuple[int, int]) -> Canvas:
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
    # What covers fewer than four pixels would only flicker.
    large = (last - first).clip(0).prod(axis=1) >= 4
    return np.concatenate([first, last], 1).astype(np.int64), shows & large


def _levels(
    inverses: NDArray[np.float64], boxes: NDArray[np.int64], sizes: NDArray[np.int64]
) -> NDArray[np.int64]:
    """[F]: how often to halve each texture so that its texels are about as large as pixels.

    Args:
        inverses: From the picture to the unit square, [F, 3, 3].
        boxes: Bounds in the picture, [F, 4].
        sizes: Height and width in texels, [F, 2].
    """
    centres = np.concatenate([(boxes[:, :2] + boxes[:, 2:] - 1) / 2, np.ones((len(boxes), 1))], 1)
    w = (inverses[:, 2:] @ centres[:, :, None])[:, 0, 0]
    # The area of one pixel in the unit square: the determinant of the projective map's derivative.
    area = np.abs(np.linalg.det(inverses)) / np.maximum(np.abs(w), 1e-9) ** 3
    halvings = 0.5 * np.log2(np.maximum(area * sizes.prod(axis=1), 1e-9)) + 0.35
    return np.where(w > 0, np.clip(halvings, 0, 16), 0).astype(np.int64)


def warped(
    texels: NDArray[np.uint8], inverse: NDArray[np.float64], box: tuple[int, int, int, int]
) -> NDArray[np.uint8]:
    """A texture as it appears in a box of the picture."""
    x0, y0, x1, y1 = box
    height, width = texels.shape[:2]
    # Texel centres lie half a texel inside the painted square.
    scale = np.array([[width, 0.0, -0.5], [0.0, height, -0.5], [0.0, 0.0, 1.0]])
    inverse = scale @ inverse
    inverse[:, 2] += inverse[:, 0] * x0 + inverse[:, 1] * y0
    return np.asarray(
        cv2.warpPerspective(
            texels,
            inverse,
            (x1 - x0, y1 - y0),
            flags=cv2.INTER_LINEAR | cv2.WARP_INVERSE_MAP,
            borderMode=cv2.BORDER_CONSTANT,
        ),
        np.uint8,
    )


def _chosen(
    homographies: NDArray[np.float64], one_sided: NDArray[np.bool_], shows: NDArray[np.bool_]
) -> NDArray[np.int64]:
    """Patches that show, not edge-on nor from a blank side, the nearest first."""
    volume = np.linalg.det(homographies)
    shows = shows & ((volume > 1e-9) | (~one_sided & (volume < -1e-9)))
    chosen = np.flatnonzero(shows)
    depth = (homographies[chosen] @ _CORNERS)[:, 2].min(axis=1)
    return chosen[np.argsort(depth, kind="stable")]


def draw(canvas: Canvas, placed: Placed, homographies: NDArray[np.float64]) -> None:
    """Every patch that shows, hiding what is farther."""
    height, width = canvas.patch.shape
    boxes, shows = bounds(homographies, (height, width))
    chosen = _chosen(homographies, placed.one_sided, shows)
    inverses = np.asarray(np.linalg.inv(homographies[chosen]), np.float64)
    sizes = np.array([placed.textures[index].size_hw for index in chosen]).reshape(-1, 2)
    levels = _levels(inverses, boxes[chosen], sizes).tolist()
    columns = np.arange(width, dtype=np.float32)
    rows = np.arange(height, dtype=np.float32)[:, None]
    colours = canvas.rgba.view(np.uint32)[..., 0]
    slopes = inverses[:, 2].astype(np.float32)
    for turn, index in enumerate(chosen.tolist()):
        x0, y0, x1, y1 = boxes[index].tolist()
        part = slice(y0, y1), slice(x0, x1)
        a, b, c = slopes[turn]
        inverse_depth = (b * rows[y0:y1] + c) + a * columns[x0:x1]
        held = canvas.inverse_depth[part]
        nearer = inverse_depth > held
        if not nearer.any():
            continue
        texels = warped(
            placed.textures[index].level(levels[turn]), inverses[turn], (x0, y0, x1, y1)
        )
        nearer &= texels[..., 3] > 127
        np.copyto(held, inverse_depth, where=nearer)
        np.copyto(colours[part], texels.view(np.uint32)[..., 0], where=nearer)
        np.copyto(canvas.patch[part], index, where=nearer)
