"""Where a pinhole camera stands, and how planes of the world appear in it.

World: x right, y up, z ahead, in metres. Picture: x right, y down; pixel centres are whole numbers.
A plane is a 3x3 matrix whose columns are its u axis, its v axis and its origin, so that the world
point of (u, v) is `plane @ (u, v, 1)`.
Axes: F planes, N points.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

Matrices = NDArray[np.float64]

# Cityscapes: focal length 2262 pixels at 2048 across, horizon a little above the middle.
_FOCAL_PER_WIDTH = 2262 / 2048
_HORIZON = 0.44


@dataclass(frozen=True, slots=True, kw_only=True)
class Camera:
    """A camera at one moment."""

    position: tuple[float, float, float]
    """World metres."""
    yaw_rad: float
    """Heading; 0 looks along z, positive to the right."""
    pitch_rad: float
    """Positive looks down."""
    size_hw: tuple[int, int]

    @property
    def focal_px(self) -> float:
        """Focal length."""
        return _FOCAL_PER_WIDTH * self.size_hw[1]

    def _rotated(self) -> Matrices:
        """Intrinsics times rotation, 3x3."""
        sin_y, cos_y = np.sin(self.yaw_rad), np.cos(self.yaw_rad)
        sin_p, cos_p = np.sin(self.pitch_rad), np.cos(self.pitch_rad)
        rotation = np.array(
            [
                [cos_y, 0.0, -sin_y],
                [-sin_p * sin_y, -cos_p, -sin_p * cos_y],
                [cos_p * sin_y, -sin_p, cos_p * cos_y],
            ]
        )
        height, width = self.size_hw
        intrinsics = np.array(
            [
                [self.focal_px, 0.0, (width - 1) / 2],
                [0.0, self.focal_px, _HORIZON * height - 0.5],
                [0.0, 0.0, 1.0],
            ]
        )
        return intrinsics @ rotation

    def project_planes(self, planes: Matrices) -> Matrices:
        """Homographies [F, 3, 3] from (u, v, 1) to (x, y, 1) times depth."""
        moved = planes.copy()
        moved[:, :, 2] -= self.position
        return self._rotated() @ moved

    def project_directions(self, planes: Matrices) -> Matrices:
        """Homographies [F, 3, 3] of planes that travel with the camera: those of infinity."""
        return self._rotated() @ planes


GROUND_PLANE: Matrices = np.array([[1.0, 0.0, 0.0], [0.0, 0.0, 0.0], [0.0, 1.0, 0.0]])
"""u is world x, v is world z."""

CLOUD_PLANE: Matrices = np.array([[1.0, 0.0, 0.0], [0.0, 0.0, 1.0], [0.0, 1.0, 0.0]])
"""A ceiling one unit above the camera, travelling with it."""
