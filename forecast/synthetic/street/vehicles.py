"""What cars, vans, trucks and buses look like: a painted side view drawn out to a body.

An object's frame: x right, y up, z ahead; its origin is on the road beneath its middle.
Axes: H W texels.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from functools import lru_cache

import cv2
import numpy as np

from forecast.labels import CITYSCAPES
from forecast.synthetic.street.patches import Patch, Sprite, Texture, slab, sprite

Colour = tuple[int, int, int]
_TEXELS_PER_M = 36
_GLASS: Colour = (38, 46, 56)
_TYRE: Colour = (24, 24, 26)

PAINTS: tuple[Colour, ...] = (
    (186, 190, 194), (40, 42, 46), (92, 96, 102), (222, 222, 220), (24, 44, 84), (132, 26, 28),
    (66, 74, 70), (158, 152, 138), (52, 78, 112), (108, 112, 118), (16, 16, 18), (176, 134, 40),
)  # fmt: skip


@dataclass(frozen=True, slots=True, kw_only=True)
class Shape:
    """The outline of a vehicle seen from its right side, in metres from its middle."""

    label: str
    length: float
    width: float
    outline: tuple[tuple[float, float], ...]
    """(z, y) from the rear's foot over the roof to the front's foot."""
    glass: tuple[int, ...]
    """Which edges of the outline are glass."""
    windows: tuple[tuple[tuple[float, float], ...], ...]
    wheels: tuple[float, ...]
    """z of each axle."""
    wheel_radius: float


def _car(length: float, width: float, height: float, tail: float, nose: float) -> Shape:
    """A car whose roof begins `tail` before the rear and ends `nose` before the front."""
    half, belt = length / 2, 0.62 * height
    rear_top, front_top = -half + tail, half - nose - 0.75
    outline = (
        (-half, 0.0), (-half, belt), (rear_top - 0.35, belt + 0.02), (rear_top, height),
        (front_top, height), (half - nose, belt), (half, 0.5 * height), (half, 0.0),
    )  # fmt: skip
    middle = (rear_top + front_top) / 2
    windows = (
        ((rear_top - 0.22, belt), (rear_top + 0.05, height - 0.1), (middle - 0.05, height - 0.1),
         (middle - 0.05, belt)),
        ((middle + 0.05, belt), (middle + 0.05, height - 0.1), (front_top - 0.05, height - 0.1),
         (half - nose - 0.2, belt)),
    )  # fmt: skip
    return Shape(
        label="car", length=length, width=width, outline=outline, glass=(2, 4), windows=windows,
        wheels=(-0.31 * length, 0.31 * length), wheel_radius=0.31,
    )  # fmt: skip


def _box(label: str, length: float, width: float, height: float, *, glazed: bool) -> Shape:
    half = length / 2
    outline = (
        (-half, 0.0), (-half, height), (half - 0.3, height), (half, 0.45 * height), (half, 0.0),
    )  # fmt: skip
    low, high = 0.48 * height, 0.85 * height
    if glazed:
        starts = np.arange(-half + 0.4, half - 1.6, 1.5)
        windows = tuple(((z, low), (z, high), (z + 1.35, high), (z + 1.35, low)) for z in starts)
    else:
        windows = (((half - 1.7, low), (half - 1.7, high), (half - 0.5, high), (half - 0.3, low)),)
    return Shape(
        label=label, length=length, width=width, outline=outline, glass=(2,), windows=windows,
        wheels=(-0.3 * length, 0.33 * length), wheel_radius=0.48,
    )  # fmt: skip


SHAPES: tuple[Shape, ...] = (
    _car(4.2, 1.78, 1.46, 0.55, 1.05),
    _car(4.6, 1.82, 1.44, 1.15, 1.15),
    _car(4.5, 1.86, 1.66, 0.45, 1.0),
    _car(3.7, 1.66, 1.48, 0.4, 0.75),
    _car(4.9, 1.92, 1.92, 0.3, 0.7),
    _box("truck", 7.2, 2.3, 3.1, glazed=False),
    _box("bus", 11.5, 2.5, 3.1, glazed=True),
)
CARS, TRUCK, BUS = range(5), 5, 6


class _Easel:
    """A transparent picture of a stretch of metres, x to the right and y up."""

    def __init__(self, left: float, right: float, top: float, base: Colour) -> None:
        self.left, self.top = left, top
        size = (max(8, int(top * _TEXELS_PER_M)), max(8, int((right - left) * _TEXELS_PER_M)))
        self.picture = np.zeros((*size, 4), np.uint8)
        self.picture[..., :3] = base

    def polygon(self, points: Sequence[tuple[float, float]], colour: Colour) -> None:
        where = [
            ((x - self.left) * _TEXELS_PER_M, (self.top - y) * _TEXELS_PER_M) for x, y in points
        ]
        fixed = np.round(np.array(where) * 16).astype(np.int32)
        cv2.fillPoly(self.picture, [fixed], (*colour, 255), cv2.LINE_AA, 4)

    def rectangle(self, x0: float, y0: float, x1: float, y1: float, colour: Colour) -> None:
        self.polygon(((x0, y0), (x0, y1), (x1, y1), (x1, y0)), colour)

    def disc(self, x: float, y: float, radius: float, colour: Colour) -> None:
        angles = np.linspace(0, 2 * np.pi, 24, endpoint=False)
        self.polygon([(x + radius * np.cos(a), y + radius * np.sin(a)) for a in angles], colour)

    def texture(self) -> Texture:
        return Texture(self.picture)


def _toned(colour: Colour, factor: float) -> Colour:
    red, green, blue = (min(255, int(value * factor)) for value in colour)
    return red, green, blue


def _sides(shape: Shape, paint: Colour) -> tuple[Texture, Texture]:
    """The right side and the left, which is its mirror picture."""
    height = max(y for _, y in shape.outline)
    half = shape.length / 2
    easel = _Easel(-half, half, height, paint)
    sill = 0.24 if shape.label == "car" else 0.4
    body = [(z, max(y, sill)) for z, y in shape.outline]
    easel.polygon(body, paint)
    easel.rectangle(-half, sill, half, sill + 0.16, _toned(paint, 0.6))
    easel.rectangle(-half, 0.6 * height, half * 0.96, 0.6 * height + 0.05, _toned(paint, 1.2))
    for window in shape.windows:
        easel.polygon(window, _GLASS)
    for z in shape.wheels:
        easel.disc(z, shape.wheel_radius + 0.04, shape.wheel_radius + 0.08, (14, 14, 15))
        easel.disc(z, shape.wheel_radius, shape.wheel_radius, _TYRE)
        easel.disc(z, shape.wheel_radius, 0.58 * shape.wheel_radius, (122, 124, 128))
    return easel.texture(), Texture(easel.picture[:, ::-1])


def _end(shape: Shape, paint: Colour, *, front: bool, braking: bool) -> Texture:
    """The upright face at the rear or the front."""
    top = shape.outline[-2][1] if front else shape.outline[1][1]
    half = shape.width / 2
    easel = _Easel(-half, half, top, paint)
    for side in (-1, 1):
        inner, outer = side * (half - 0.28), side * (half - 0.03)
        easel.rectangle(min(inner, outer), 0.0, max(inner, outer), 0.35, _TYRE)
    easel.rectangle(-half, 0.22, half, top, paint)
    easel.rectangle(-half, 0.22, half, 0.38, _toned(paint, 0.55))
    easel.rectangle(-0.27, 0.42, 0.27, 0.54, (228, 226, 214))
    lamp_top = min(top - 0.05, 0.86)
    lamp: Colour = (240, 238, 222) if front else ((255, 44, 36) if braking else (138, 20, 20))
    for side in (-1, 1):
        inner, outer = side * (half - 0.42), side * (half - 0.04)
        easel.rectangle(min(inner, outer), lamp_top - 0.18, max(inner, outer), lamp_top, lamp)
    if front:
        easel.rectangle(-half + 0.45, lamp_top - 0.2, half - 0.45, lamp_top - 0.04, (30, 30, 32))
    if top > 2.0:
        glass_top = top - 0.25
        tone = _GLASS if shape.label == "bus" else _toned(paint, 0.82)
        easel.rectangle(-half + 0.15, 0.45 * top, half - 0.15, glass_top, tone)
    return easel.texture()


def _plain(colour: Colour, rim: Colour) -> Texture:
    picture = np.full((24, 48, 4), 255, np.uint8)
    picture[..., :3] = colour
    picture[:2, :, :3] = picture[-2:, :, :3] = rim
    picture[:, :2, :3] = picture[:, -2:, :3] = rim
    return Texture(picture)


def _glass(paint: Colour) -> Texture:
    picture = np.full((24, 48, 4), 255, np.uint8)
    shine = np.linspace(1.9, 0.9, 24)[:, None, None]
    picture[..., :3] = (np.array(_GLASS) * shine).clip(0, 255)
    picture[:, :3, :3] = picture[:, -3:, :3] = paint
    return Texture(picture)


def _strips(shape: Shape, paint: Colour) -> list[Patch]:
    """The faces between the rear's top and the front's top."""
    label, half = CITYSCAPES.id_of(shape.label), shape.width / 2
    patches: list[Patch] = []
    points = shape.outline
    for edge in range(1, len(points) - 2):
        (z0, y0), (z1, y1) = points[edge], points[edge + 1]
        texture = _glass(paint) if edge in shape.glass else _plain(paint, _toned(paint, 0.7))
        gain = 1.12 if abs(y1 - y0) < 0.4 * abs(z1 - z0) else 0.95
        plane = slab((-half, y1, z1), (half, y1, z1), (-half, y0, z0))
        patches.append(Patch(plane=plane, texture=texture, label=label, one_sided=True, gain=gain))
    return patches


@lru_cache(maxsize=256)
def vehicle(shape_number: int, paint_number: int, *, braking: bool = False) -> Sprite:
    """A vehicle."""
    shape, paint = SHAPES[shape_number], PAINTS[paint_number]
    if shape.label == "bus":
        paint = ((196, 160, 40), (170, 34, 36), (206, 206, 200))[paint_number % 3]
    label, half_x, half_z = CITYSCAPES.id_of(shape.label), shape.width / 2, shape.length / 2
    height = max(y for _, y in shape.outline)
    right, left = _sides(shape, paint)
    rear, front = shape.outline[1][1], shape.outline[-2][1]
    x, z = half_x, half_z
    behind = _end(shape, paint, front=False, braking=braking)
    ahead = _end(shape, paint, front=True, braking=False)
    faces = (
        (slab((x, height, -z), (x, height, z), (x, 0.0, -z)), right, 0.9),
        (slab((-x, height, z), (-x, height, -z), (-x, 0.0, z)), left, 0.9),
        (slab((-x, rear, -z), (x, rear, -z), (-x, 0.0, -z)), behind, 1.0),
        (slab((x, front, z), (-x, front, z), (x, 0.0, z)), ahead, 1.0),
    )
    walls = [
        Patch(plane=plane, texture=texture, label=label, one_sided=True, gain=gain)
        for plane, texture, gain in faces
    ]
    return sprite((*walls, *_strips(shape, paint)))
