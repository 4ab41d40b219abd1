"""One annotated picture in space, and what a camera sees that drives into it.

Axes: N points (farthest first), H W still, h w picture.
"""

from __future__ import annotations

from dataclasses import dataclass, fields
from typing import Any

import cv2
import numpy as np
from jaxtyping import Bool, Float, Int64, UInt8
from numpy.typing import NDArray
from torch import Tensor

from forecast.geometry.void import fill_void
from forecast.labels import CITYSCAPES
from forecast.synthetic.stills.geometry import depth_and_velocity, focal_px

_ENLARGED = 1.5
"""Points of the still along each side, for each pixel: what comes nearer is looked at closely."""
_NEAREST_M = 0.8


@dataclass(frozen=True, slots=True, kw_only=True)
class Points:
    """The still in space, farthest first; metres and metres a second, z ahead of the camera."""

    x: NDArray[np.float32]
    y: NDArray[np.float32]
    z: NDArray[np.float32]
    vx: NDArray[np.float32]
    vz: NDArray[np.float32]
    ids: NDArray[np.uint8]
    rgb: NDArray[np.uint8]


@dataclass(frozen=True, slots=True, kw_only=True)
class Ride:
    """How the camera moves; metres and seconds."""

    speed: float
    acceleration: float
    yaw: float
    """Radians a second."""
    drift: float
    """Metres sideways for each driven."""
    pitch: NDArray[np.float64]
    """Radians in each frame."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Scene:
    """A still in space and a ride through it."""

    points: Points
    ride: Ride
    horizon: float
    """Row of the still."""
    still_hw: tuple[int, int]

    def seen(
        self, index: int, after_s: float, size_hw: tuple[int, int]
    ) -> Int64[np.ndarray, "h w"]:
        """Which point each pixel of a frame shows."""
        points, ride = self.points, self.ride
        height, width = self.still_hw
        focal = focal_px(width)
        driven = max(0.0, ride.speed * after_s + 0.5 * ride.acceleration * after_s**2)
        driven *= ride.speed > 0
        turned = ride.yaw * after_s
        x = points.x + points.vx * after_s - ride.drift * driven
        z = points.z + points.vz * after_s - driven
        across = np.cos(turned) * x - np.sin(turned) * z
        ahead = np.sin(turned) * x + np.cos(turned) * z
        scale = focal / np.maximum(ahead, _NEAREST_M)
        column = (width / 2 + across * scale) * (size_hw[1] / width)
        row = (self.horizon + points.y * scale + focal * ride.pitch[index]) * (size_hw[0] / height)
        apart = points.z / np.maximum(ahead, _NEAREST_M) * (size_hw[1] / width / _ENLARGED)
        return _filled(_nearest(column, row, ahead, apart > 1, size_hw))


def scene_of(
    rgb: UInt8[Tensor, "3 H W"],
    ids: UInt8[Tensor, "H W"],
    noise: np.random.Generator,
    *,
    num_frames: int,
) -> Scene:
    """A picture in space and a random ride into it.

    Args:
        rgb: The still.
        ids: Cityscapes train ids; void stands where its surroundings do.
        noise: Decides the ride and what moves.
        num_frames: Length of the ride.
    """
    points, horizon = _points(rgb, ids, noise)
    ride = _ride(noise, num_frames)
    return Scene(points=points, ride=ride, horizon=horizon, still_hw=(ids.shape[-2], ids.shape[-1]))


def _points(
    rgb: UInt8[Tensor, "3 H W"], ids: UInt8[Tensor, "H W"], noise: np.random.Generator
) -> tuple[Points, float]:
    height, width = ids.shape
    depth, velocity, horizon = depth_and_velocity(fill_void(ids, CITYSCAPES.void_id).numpy(), noise)
    size = (round(width * _ENLARGED), round(height * _ENLARGED))

    def enlarged(values: NDArray[Any], method: int = cv2.INTER_NEAREST) -> NDArray[Any]:
        return cv2.resize(values, size, interpolation=method).reshape(size[0] * size[1], -1)

    z, focal = enlarged(depth)[:, 0], focal_px(width)
    row, column = np.indices((size[1], size[0]), np.float32).reshape(2, -1)
    points = Points(
        x=((column + 0.5) / _ENLARGED - width / 2) * z / focal,
        y=((row + 0.5) / _ENLARGED - horizon) * z / focal,
        z=z,
        vx=enlarged(velocity[0])[:, 0],
        vz=enlarged(velocity[1])[:, 0],
        ids=enlarged(ids.numpy())[:, 0],
        rgb=enlarged(np.ascontiguousarray(rgb.permute(1, 2, 0).numpy()), cv2.INTER_LINEAR),
    )
    order = np.argsort(-z, kind="stable")
    return Points(**{one.name: getattr(points, one.name)[order] for one in fields(Points)}), horizon


def _ride(noise: np.random.Generator, num_frames: int) -> Ride:
    """Standing, slow or at the speed of a town; some turn."""
    speed = noise.choice([0.0, noise.uniform(1, 5), noise.uniform(4, 9)], p=[0.1, 0.4, 0.5])
    turns = noise.random() < 0.1
    return Ride(
        speed=float(speed),
        acceleration=noise.normal(0, 0.7),
        yaw=noise.normal(0, 0.03) + turns * noise.normal(0, 0.1),
        drift=noise.normal(0, 0.1),
        pitch=noise.normal(0, 6e-4, num_frames).cumsum() + noise.normal(0, 4e-4, num_frames),
    )


def _nearest(
    column: Float[np.ndarray, " N"],
    row: Float[np.ndarray, " N"],
    ahead: Float[np.ndarray, " N"],
    sparse: Bool[np.ndarray, " N"],
    size_hw: tuple[int, int],
) -> Int64[np.ndarray, "h w"]:
    """The nearest point that lands on each pixel; -1 where none does.

    Points that are `sparse`, more than a pixel apart, reach the pixels beside theirs too.
    """
    height, width = size_hw
    best = np.full(height * width, np.inf)
    found = np.full(height * width, -1, np.int64)
    left, above = np.floor(column).astype(np.int64), np.floor(row).astype(np.int64)
    beside = np.where(column - left > 0.5, 1, -1), np.where(row - above > 0.5, 1, -1)
    for down, right in ((0, 0), (0, 1), (1, 0), (1, 1)):
        x, y = left + right * beside[0], above + down * beside[1]
        inside = (ahead > _NEAREST_M) & (x >= 0) & (x < width) & (y >= 0) & (y < height)
        chosen = np.flatnonzero(inside if down + right == 0 else inside & sparse)
        landed = np.full(height * width, -1, np.int64)
        # Points come farthest first, and of repeated targets the last assignment stays.
        landed[y[chosen] * width + x[chosen]] = chosen
        depth = np.where(landed >= 0, ahead[landed], np.inf)
        # A neighbour's point counts only if it lies clearly in front of what landed here.
        nearer = depth < (best if down + right == 0 else 0.97 * best)
        found[nearer], best[nearer] = landed[nearer], depth[nearer]
    return found.reshape(size_hw)


def _filled(found: Int64[np.ndarray, "h w"]) -> Int64[np.ndarray, "h w"]:
    """Holes take what their nearest neighbour shows."""
    hole = (found < 0).astype(np.uint8)
    if hole.all():
        return np.zeros_like(found)
    _, near = cv2.distanceTransformWithLabels(hole, cv2.DIST_L2, 3, labelType=cv2.DIST_LABEL_PIXEL)
    regions = np.asarray(near, np.int64)
    of_region = np.zeros(regions.max() + 1, np.int64)
    of_region[regions[hole == 0]] = found[hole == 0]
    return of_region[regions]
