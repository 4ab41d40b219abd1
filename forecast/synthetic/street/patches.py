"""Flat painted pieces of the world: what a street is built of.

Every visible thing but ground and sky is a set of patches: a texture on a plane, one class each.
A patch keeps its key for ever, so that it can be found again in another frame.
Axes: F patches, h w texels.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass

import cv2
import numpy as np
from numpy.typing import NDArray

PARTS_PER_OBJECT = 32
"""Keys of one object's patches follow each other; so many are reserved."""


class Texture:
    """A painted picture with transparency, and ever smaller copies of it."""

    def __init__(self, rgba: NDArray[np.uint8]) -> None:
        self.levels = [np.ascontiguousarray(rgba)]
        while min(self.levels[-1].shape[:2]) >= 8:
            height, width = self.levels[-1].shape[:2]
            smaller = cv2.resize(
                self.levels[-1], (width // 2, height // 2), interpolation=cv2.INTER_AREA
            )
            self.levels.append(np.asarray(smaller, np.uint8))

    @property
    def size_hw(self) -> tuple[int, int]:
        """Height and width in texels."""
        return self.levels[0].shape[0], self.levels[0].shape[1]

    def level(self, halvings: int) -> NDArray[np.uint8]:
        """The copy halved so often, or the smallest."""
        return self.levels[min(halvings, len(self.levels) - 1)]


@dataclass(frozen=True, slots=True, kw_only=True)
class Patch:
    """A texture on a plane of its object's own frame (x right, y up, z ahead)."""

    plane: NDArray[np.float64]
    """[3, 3]: u axis, v axis, origin as columns; (0, 0) to (1, 1) is painted."""
    texture: Texture
    label: int
    """Cityscapes train id."""
    one_sided: bool = False
    """Whether it is seen only from the side that its texture reads from."""
    gain: float = 1.0
    """Brightness."""


def upright(
    *, centre_x: float, bottom: float, width: float, height: float, z: float = 0.0
) -> NDArray[np.float64]:
    """A plane across the object's heading, texture upright as seen from behind it."""
    origin = (centre_x - width / 2, bottom + height, z)
    return np.array([(width, 0.0, 0.0), (0.0, -height, 0.0), origin]).T


def slab(
    top_left: Sequence[float], top_right: Sequence[float], bottom_left: Sequence[float]
) -> NDArray[np.float64]:
    """A plane through three corners of the painted square."""
    origin = np.asarray(top_left, np.float64)
    return np.stack([np.asarray(top_right) - origin, np.asarray(bottom_left) - origin, origin], 1)


@dataclass(frozen=True, slots=True, kw_only=True)
class Sprite:
    """An object's patches as columns, in its own frame."""

    planes: NDArray[np.float64]
    """[F, 3, 3]"""
    textures: tuple[Texture, ...]
    labels: NDArray[np.uint8]
    one_sided: NDArray[np.bool_]
    gains: NDArray[np.float32]


def sprite(patches: Sequence[Patch]) -> Sprite:
    """Patches as columns."""
    return Sprite(
        planes=np.stack([patch.plane for patch in patches]),
        textures=tuple(patch.texture for patch in patches),
        labels=np.array([patch.label for patch in patches], np.uint8),
        one_sided=np.array([patch.one_sided for patch in patches]),
        gains=np.array([patch.gain for patch in patches], np.float32),
    )


@dataclass(frozen=True, slots=True, kw_only=True)
class Placed:
    """Patches in the world, as columns."""

    planes: NDArray[np.float64]
    """[F, 3, 3]"""
    textures: tuple[Texture, ...]
    labels: NDArray[np.uint8]
    keys: NDArray[np.int64]
    instances: NDArray[np.int32]
    """Which one of its class, from 0."""
    one_sided: NDArray[np.bool_]
    gains: NDArray[np.float32]
    shadows: NDArray[np.float64]
    """[n, 3, 3]: planes on the ground that are darkened."""


_NO_SHADOW = np.zeros((0, 3, 3))


def place(
    drawn: Sprite,
    *,
    at: tuple[float, float, float],
    heading_rad: float,
    uid: int,
    instance: int = 0,
    shadow_m: tuple[float, float] | None = None,
) -> Placed:
    """An object turned to its heading and moved to where it stands.

    Args:
        drawn: The object in its own frame.
        at: World metres.
        heading_rad: Positive to the right.
        uid: The object's number, for ever the same.
        instance: Which one of its class.
        shadow_m: Width and length of the shade beneath it.
    """
    sin_h, cos_h = np.sin(heading_rad), np.cos(heading_rad)
    turn = np.array([[cos_h, 0.0, sin_h], [0.0, 1.0, 0.0], [-sin_h, 0.0, cos_h]])
    planes = turn @ drawn.planes
    planes[:, :, 2] += at
    shadows = _NO_SHADOW
    if shadow_m is not None:
        wide, long = shadow_m
        flat = turn @ np.array([[wide, 0, -wide / 2], [0, 0, 0], [0, long, -long / 2]])
        flat[:, 2] += (at[0], 0.0, at[2])
        shadows = flat[None]
    num = len(drawn.labels)
    return Placed(
        planes=planes,
        textures=drawn.textures,
        labels=drawn.labels,
        keys=uid * PARTS_PER_OBJECT + np.arange(num, dtype=np.int64),
        instances=np.full(num, instance, np.int32),
        one_sided=drawn.one_sided,
        gains=drawn.gains,
        shadows=shadows,
    )


def joined(groups: Iterable[Placed]) -> Placed:
    """All patches of several groups, in order."""
    parts = list(groups)
    return Placed(
        planes=np.concatenate([part.planes for part in parts]),
        textures=tuple(texture for part in parts for texture in part.textures),
        labels=np.concatenate([part.labels for part in parts]),
        keys=np.concatenate([part.keys for part in parts]),
        instances=np.concatenate([part.instances for part in parts]),
        one_sided=np.concatenate([part.one_sided for part in parts]),
        gains=np.concatenate([part.gains for part in parts]),
        shadows=np.concatenate([part.shadows for part in parts]),
    )
