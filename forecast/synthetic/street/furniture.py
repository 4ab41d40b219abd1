"""What trees, hedges, poles, signs and traffic lights look like.

Axes: H W texels.
"""

from __future__ import annotations

from functools import lru_cache

import cv2
import numpy as np

from forecast.labels import CITYSCAPES
from forecast.synthetic.street.noise import grain, opaque, smooth_noise, tinted
from forecast.synthetic.street.patches import Patch, Sprite, Texture, sprite, upright

NUM_CROWNS, NUM_SIGNS = 12, 6
_VEGETATION, _POLE = CITYSCAPES.id_of("vegetation"), CITYSCAPES.id_of("pole")
_LEAVES = ((74, 98, 46), (88, 108, 52), (60, 84, 44), (112, 116, 58), (96, 92, 50), (66, 92, 58))


@lru_cache(maxsize=NUM_CROWNS)
def _crown(number: int) -> Texture:
    """Clumps of leaves, lit from above, with a ragged edge."""
    rng = np.random.default_rng([108, number])
    size = 192
    cover, light = np.zeros((size, size), np.float32), np.zeros((size, size), np.float32)
    for _ in range(46):
        angle, reach = rng.uniform(0, 2 * np.pi), float(np.sqrt(rng.uniform(0, 1)))
        x, y = 96 + 62 * reach * np.cos(angle), 98 + 62 * reach * np.sin(angle)
        radius, tone = int(rng.integers(14, 28)), 1.25 - 0.0058 * y + rng.uniform(-0.16, 0.16)
        cv2.circle(cover, (int(x), int(y)), radius, 1.0, -1, cv2.LINE_AA)
        cv2.circle(light, (int(x), int(y)), radius, float(tone), -1, cv2.LINE_AA)
        spot = (int(x - radius * 0.2), int(y - radius * 0.35))
        cv2.circle(light, spot, int(radius * 0.55), float(tone * 1.18), -1, cv2.LINE_AA)
    light = cv2.GaussianBlur(light, (0, 0), 4)
    cover = cv2.GaussianBlur(cover, (0, 0), 3)
    leaves = smooth_noise(rng, (size, size), cell=8, octaves=3)
    picture = tinted(_LEAVES[number % len(_LEAVES)], leaves * 0.55, grain(rng, (size, size)) * 0.10)
    rgba = opaque(picture * np.maximum(light, 0.45)[..., None])
    rgba[..., 3] = np.where(cover + 0.55 * leaves > 0.56, 255, 0)
    return Texture(rgba)


@lru_cache(maxsize=2)
def _bark(number: int) -> Texture:
    rng = np.random.default_rng([109, number])
    base = ((82, 68, 54), (96, 88, 78))[number]
    grooves = np.repeat(smooth_noise(rng, (8, 32), cell=3)[:1], 64, axis=0)
    return Texture(opaque(tinted(base, grooves * 0.4, grain(rng, (64, 32)) * 0.06)))


def tree(number: int, *, height: float) -> Sprite:
    """A trunk and two crowns, one before the other."""
    wide = 0.72 * height
    patches = [
        Patch(
            plane=upright(centre_x=0.0, bottom=0.0, width=0.045 * height, height=0.5 * height),
            texture=_bark(number % 2),
            label=_VEGETATION,
        )
    ]
    for layer, (offset_x, offset_z) in enumerate(((0.05, 0.9), (-0.05, -0.7))):
        plane = upright(
            centre_x=offset_x * wide, bottom=0.26 * height, width=wide, height=0.74 * height,
            z=offset_z,
        )  # fmt: skip
        texture = _crown((number + 5 * layer) % NUM_CROWNS)
        patches.append(
            Patch(plane=plane, texture=texture, label=_VEGETATION, gain=0.85 + 0.15 * layer)
        )
    return sprite(patches)


@lru_cache(maxsize=4)
def hedge(number: int) -> Texture:
    """Leaves from edge to edge with an uneven top."""
    rng = np.random.default_rng([110, number])
    size = (64, 256)
    leaves = smooth_noise(rng, size, cell=8)
    picture = tinted(_LEAVES[number], leaves * 0.55, grain(rng, size) * 0.1)
    rgba = opaque(picture * np.linspace(1.15, 0.6, 64, dtype=np.float32)[:, None, None])
    rgba[..., 3] = np.where(np.arange(64)[:, None] > 7 + 6 * leaves, 255, 0)
    return Texture(rgba)


@lru_cache(maxsize=1)
def _metal() -> Texture:
    shine = np.interp(np.arange(16), (0, 5, 15), (0.8, 1.25, 0.6)).astype(np.float32)
    return Texture(opaque(tinted((118, 120, 120), np.tile(shine - 1, (32, 1)))))


def _pole(height: float, width: float) -> Patch:
    plane = upright(centre_x=0.0, bottom=0.0, width=width, height=height)
    return Patch(plane=plane, texture=_metal(), label=_POLE)


def lamp_post(*, reach: float) -> Sprite:
    """A tall pole with an arm over the road.

    Args:
        reach: Metres that the arm goes out, positive to the right.
    """
    arm = upright(centre_x=reach / 2, bottom=7.0, width=abs(reach), height=0.14)
    head = upright(centre_x=reach, bottom=6.9, width=0.8, height=0.18)
    return sprite(
        (
            _pole(7.1, 0.17),
            Patch(plane=arm, texture=_metal(), label=_POLE),
            Patch(plane=head, texture=_metal(), label=_POLE, gain=1.3),
        )
    )


@lru_cache(maxsize=NUM_SIGNS)
def _sign(number: int) -> Texture:
    """A warning triangle, a ban, a command, a priority diamond, a parking or a direction board."""
    picture = np.zeros((64, 64, 4), np.uint8)
    red, white, blue = (186, 30, 34, 255), (236, 236, 232, 255), (26, 72, 150, 255)
    picture[..., :3] = (150, 150, 150)
    if number == 0:
        for scale, colour in ((1.0, red), (0.66, white)):
            points = np.array([(0, -30), (29, 24), (-29, 24)]) * scale + (32, 34)
            cv2.fillPoly(picture, [np.round(points * 16).astype(np.int32)], colour, cv2.LINE_AA, 4)
    elif number in {1, 2}:
        cv2.circle(picture, (32, 32), 30, red if number == 1 else blue, -1, cv2.LINE_AA)
        cv2.circle(picture, (32, 32), 21 if number == 1 else 4, white, -1, cv2.LINE_AA)
    elif number == 3:
        for radius, colour in ((31, white), (23, (226, 186, 40, 255))):
            points = np.array(
                [(32, 32 - radius), (32 + radius, 32), (32, 32 + radius), (32 - radius, 32)]
            )
            cv2.fillPoly(picture, [(points * 16).astype(np.int32)], colour, cv2.LINE_AA, 4)
    else:
        cv2.rectangle(picture, (4, 4), (60, 60), blue if number == 4 else (232, 200, 60, 255), -1)
        cv2.rectangle(picture, (24, 14), (30, 50), white, -1)
        cv2.circle(picture, (34, 24), 9, white, 5, cv2.LINE_AA)
    return Texture(picture)


def sign(number: int) -> Sprite:
    """A traffic sign on its pole."""
    board = upright(centre_x=0.0, bottom=2.1, width=0.72, height=0.72, z=-0.05)
    label = CITYSCAPES.id_of("traffic sign")
    return sprite((_pole(2.7, 0.08), Patch(plane=board, texture=_sign(number), label=label)))


@lru_cache(maxsize=3)
def _lights(lit: int) -> Texture:
    picture = np.full((72, 26, 4), 255, np.uint8)
    picture[..., :3] = (26, 28, 28)
    colours = ((255, 48, 36), (255, 190, 40), (60, 240, 130))
    for lamp in range(3):
        colour = tuple(value if lamp == lit else value // 5 for value in colours[lamp])
        cv2.circle(picture, (13, 13 + 23 * lamp), 9, (*colour, 255), -1, cv2.LINE_AA)
    return Texture(picture)


@lru_cache(maxsize=3)
def traffic_light(*, lit: int) -> Sprite:
    """A signal on its pole; 0 red, 1 amber, 2 green."""
    head = upright(centre_x=0.0, bottom=2.5, width=0.36, height=1.0, z=-0.08)
    label = CITYSCAPES.id_of("traffic light")
    return sprite((_pole(3.3, 0.12), Patch(plane=head, texture=_lights(lit), label=label)))
