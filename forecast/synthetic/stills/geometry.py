"""How far away the things of one annotated picture are, guessed from what they are.

Axes: H W picture.
"""

from __future__ import annotations

from typing import Any

import cv2
import numpy as np
from jaxtyping import Bool, Float, UInt8
from numpy.typing import NDArray

from forecast.labels import CITYSCAPES

CAMERA_M = 1.5
"""Height of the camera above the ground."""
_SKY_M = 2000.0
_GROUND = ("road", "sidewalk", "terrain")
_MOVING = ("car", "person", "rider")
_THIN = ("pole", "traffic sign")
_SMALLEST_MOVING_PX = 40
_CAR_SHARE, _WALKER_SHARE = 0.6, 0.8
"""How many of them move."""


def focal_px(width: int) -> float:
    """Focal length of a camera that sees about 55 degrees."""
    return 0.95 * width


def depth_and_velocity(
    ids: UInt8[np.ndarray, "H W"], noise: np.random.Generator
) -> tuple[Float[np.ndarray, "H W"], Float[np.ndarray, "2 H W"], float]:
    """Metres ahead, own velocity across and ahead in metres a second, and the horizon's row.

    Args:
        ids: Cityscapes train ids without void.
        noise: Decides what moves, and how.
    """
    height, width = ids.shape
    horizon, focal = _horizon(ids), focal_px(width)

    def on_ground(row: NDArray[Any], farthest_m: float) -> NDArray[Any]:
        least = focal * CAMERA_M / farthest_m
        return np.asarray(focal * CAMERA_M / np.maximum(row - horizon, least))

    ground, sky = _are(ids, _GROUND), _are(ids, ("sky",))
    things = _are(ids, (*_MOVING, *_THIN))
    depth = np.repeat(on_ground(np.arange(height), 90.0)[:, None], width, axis=1)
    standing = ~(ground | sky | things)
    behind = on_ground(_feet(standing, ground, horizon), 70.0)
    depth[standing] = np.broadcast_to(behind, depth.shape)[standing]
    depth[sky] = _SKY_M
    velocity = np.zeros((2, height, width), np.float32)
    for name in (*_MOVING, *_THIN):
        mask = (ids == CITYSCAPES.id_of(name)).astype(np.uint8)
        count, components, stats, _ = cv2.connectedComponentsWithStats(mask)
        for one in range(1, count):
            left, top, across, down, size = stats[one]
            place = np.s_[top : top + down, left : left + across]
            inside, foot = components[place] == one, top + down
            farthest = 0.98 * float(behind[left : left + across].max())
            at = float(on_ground(np.array(foot), 60.0)) if foot > horizon + 3 else farthest
            depth[place][inside] = min(at, farthest)
            if name in _MOVING and size > _SMALLEST_MOVING_PX:
                velocity[:, *place][:, inside] = np.array(_own_velocity(name, noise))[:, None]
    return depth.astype(np.float32), velocity, horizon


def _are(ids: UInt8[np.ndarray, "H W"], names: tuple[str, ...]) -> Bool[np.ndarray, "H W"]:
    return np.isin(ids, [CITYSCAPES.id_of(name) for name in names])


def _horizon(ids: UInt8[np.ndarray, "H W"]) -> float:
    """A little above where the road ends."""
    height, width = ids.shape
    road = _are(ids, ("road",)).sum(axis=1) > 0.02 * width
    top = int(road.argmax()) if road.any() else height // 2
    return float(np.clip(top - 0.015 * height, 0.3 * height, 0.6 * height))


def _feet(
    standing: Bool[np.ndarray, "H W"], ground: Bool[np.ndarray, "H W"], horizon: float
) -> Float[np.ndarray, " W"]:
    """The row where what stands meets the ground in each column; guessed from others if hidden."""
    height, width = standing.shape
    below = np.zeros_like(ground)
    below[:-2] = ground[1:-1] | ground[2:]
    meets = standing & below
    lowest = np.where(meets.any(axis=0), height - 1 - meets[::-1].argmax(axis=0), -1)
    known = np.flatnonzero(lowest > horizon)
    if len(known) <= 5:
        return np.full(width, horizon + 0.05 * height)
    rows = np.interp(np.arange(width), known, lowest[known]).astype(np.float32)
    rows = cv2.medianBlur(np.repeat(rows[None], 3, axis=0), 5)[1:2]
    return cv2.GaussianBlur(rows, (0, 0), 2.0)[0].astype(np.float64)


def _own_velocity(name: str, noise: np.random.Generator) -> tuple[float, float]:
    """Across and ahead, in metres a second."""
    moves = noise.random() < (_CAR_SHARE if name == "car" else _WALKER_SHARE)
    if not moves:
        return 0.0, 0.0
    if name == "car":
        return noise.normal(0, 0.5), noise.uniform(-7, 9)
    ahead = noise.normal(0, 1.0) if name == "person" else noise.uniform(-4, 6)
    return noise.normal(0, 1.3), ahead
