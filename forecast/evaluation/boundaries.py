"""IoU near outlines, where forecasts go wrong first, and in what came into view.

Both are ordinary confusions over part of a picture: everything else becomes void.
Axes: H W picture.
"""

from __future__ import annotations

from math import hypot

import cv2
import numpy as np
from jaxtyping import Bool, Float, UInt8

from forecast.labels import LabelSpace

BAND = 0.0075
"""Half width of the band as a share of the picture's diagonal: 17 pixels at 1024x2048."""


def band_px(size_hw: tuple[int, int]) -> int:
    """Half width of the band for a picture, at least one pixel."""
    return max(1, round(BAND * hypot(*size_hw)))


def near_boundary(
    target_ids: UInt8[np.ndarray, "H W"], space: LabelSpace, *, width_px: int | None = None
) -> Bool[np.ndarray, "H W"]:
    """Pixels within a square of `width_px` of an outline between two classes (a trimap).

    The edge of void is no outline: nobody drew an object there.
    """
    radius = band_px(target_ids.shape[:2]) if width_px is None else width_px
    counted = target_ids != space.void_id
    edge = np.zeros(target_ids.shape, np.uint8)
    down = (target_ids[1:] != target_ids[:-1]) & counted[1:] & counted[:-1]
    across = (target_ids[:, 1:] != target_ids[:, :-1]) & counted[:, 1:] & counted[:, :-1]
    edge[1:] |= down
    edge[:-1] |= down
    edge[:, 1:] |= across
    edge[:, :-1] |= across
    side = 2 * (radius - 1) + 1
    grown = cv2.dilate(edge, np.ones((side, side), np.uint8))
    return (grown > 0) & counted


def came_into_view(
    backward: Float[np.ndarray, "2 H W"],
    forward: Float[np.ndarray, "2 H W"],
    *,
    tolerance_px: float = 1.0,
) -> Bool[np.ndarray, "H W"]:
    """Pixels of the target that the origin did not show.

    Args:
        backward: From target to origin, (dx, dy) in pixels: target p is origin p + backward[p].
        forward: From origin to target, likewise.
        tolerance_px: How far a round trip may end from its start and still count as seen.
    """
    height, width = backward.shape[1:]
    grid = np.stack(np.meshgrid(np.arange(width), np.arange(height))).astype(np.float32)
    source = grid + backward.astype(np.float32)
    back = cv2.remap(
        np.ascontiguousarray(forward.transpose(1, 2, 0), dtype=np.float32),
        source[0],
        source[1],
        cv2.INTER_LINEAR,
        borderMode=cv2.BORDER_REPLICATE,
    )
    trip = np.hypot(backward[0] + back[..., 0], backward[1] + back[..., 1])
    x, y = source
    outside = (x < 0) | (y < 0) | (x > width - 1) | (y > height - 1)
    return outside | (trip > tolerance_px)
