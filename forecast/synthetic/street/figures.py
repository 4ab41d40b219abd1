"""What people, riders and their two-wheelers look like: flat limbs that swing about their joints.

Each limb is one rigid patch, so that its motion is exact. A figure faces across its own plane; the
swing of limbs is foreshortened for one who walks away.
Axes: H W texels.
"""

from __future__ import annotations

import itertools
import math
from dataclasses import dataclass, replace
from functools import lru_cache

import cv2
import numpy as np
from numpy.typing import NDArray

from forecast.labels import CITYSCAPES
from forecast.synthetic.street.patches import Patch, Sprite, Texture, sprite, upright

Colour = tuple[int, int, int]
Planes = NDArray[np.float64]
_PERSON, _RIDER = CITYSCAPES.id_of("person"), CITYSCAPES.id_of("rider")
_TOPS: tuple[Colour, ...] = (
    (42, 44, 52), (120, 34, 36), (58, 74, 104), (150, 146, 136), (70, 88, 66), (200, 196, 188),
    (30, 32, 34), (140, 108, 70), (92, 60, 92), (184, 150, 60),
)  # fmt: skip
_LEGS: tuple[Colour, ...] = ((36, 40, 56), (28, 28, 30), (84, 82, 80), (104, 92, 74), (54, 66, 92))
_SKINS: tuple[Colour, ...] = ((206, 164, 138), (176, 128, 100), (120, 82, 60), (222, 184, 160))
_HAIR: tuple[Colour, ...] = ((40, 30, 24), (24, 22, 20), (110, 82, 50), (150, 146, 140))


@dataclass(frozen=True, slots=True, kw_only=True)
class Look:
    """How one person is built and dressed."""

    height: float
    """Metres."""
    girth: float
    top: int
    legs: int
    skin: int
    hair: int


@lru_cache(maxsize=4096)
def random_look(seed: int) -> Look:
    """Somebody; one in eight a child."""
    rng = np.random.default_rng(seed)
    child = rng.random() < 0.12
    return Look(
        height=float(rng.uniform(1.1, 1.4) if child else rng.uniform(1.58, 1.9)),
        girth=float(rng.uniform(0.88, 1.2)),
        top=int(rng.integers(len(_TOPS))),
        legs=int(rng.integers(len(_LEGS))),
        skin=int(rng.integers(len(_SKINS))),
        hair=int(rng.integers(len(_HAIR))),
    )


@lru_cache(maxsize=64)
def _limb(colour: Colour, end: Colour, taper: float) -> Texture:
    """A rounded limb: wide above, narrower below, its last tenth a hand or shoe."""
    picture = np.zeros((64, 24, 4), np.uint8)
    picture[..., :3] = colour
    outline = np.array([(2, 6), (12, 0), (21, 6), (12 + 9 * taper, 60), (12 - 9 * taper, 60)])
    cv2.fillPoly(picture, [np.round(outline * 16).astype(np.int32)], (*colour, 255), cv2.LINE_AA, 4)
    picture[55:, :, :3] = end
    picture[:, 13:, :3] = (picture[:, 13:, :3] * 0.82).astype(np.uint8)
    return Texture(picture)


@lru_cache(maxsize=128)
def _torso(top: Colour, skin: Colour, hair: Colour) -> Texture:
    """Head, neck and trunk; the head takes the upper quarter."""
    picture = np.zeros((128, 64, 4), np.uint8)
    picture[..., :3] = top
    cv2.ellipse(picture, (32, 20), (11, 15), 0, 0, 360, (*skin, 255), -1, cv2.LINE_AA)
    cv2.ellipse(picture, (32, 14), (12, 12), 0, 180, 360, (*hair, 255), -1, cv2.LINE_AA)
    cv2.rectangle(picture, (27, 30), (37, 42), (*skin, 255), -1)
    trunk = np.array([(12, 46), (26, 37), (38, 37), (52, 46), (50, 126), (14, 126)], np.int32)
    cv2.fillPoly(picture, [trunk * 16], (*top, 255), cv2.LINE_AA, 4)
    picture[44:, 36:, :3] = (picture[44:, 36:, :3] * 0.84).astype(np.uint8)
    picture[70:72, :, :3] = (picture[70:72, :, :3] * 0.8).astype(np.uint8)
    return Texture(picture)


@lru_cache(maxsize=2048)
def _dressed(look: Look, label: int) -> Sprite:
    """Trunk, then thigh, shin and arm of the left and of the right; each plane still to be set."""
    top, legs, skin = _TOPS[look.top], _LEGS[look.legs], _SKINS[look.skin]
    side = (_limb(legs, legs, 0.75), _limb(legs, (30, 26, 24), 0.6), _limb(top, skin, 0.55))
    return Sprite(
        planes=np.zeros((7, 3, 3)),
        textures=(_torso(top, skin, _HAIR[look.hair]), *side, *side),
        labels=np.full(7, label, np.uint8),
        one_sided=np.zeros(7, np.bool_),
        gains=np.array((1.0, 1.0, 1.0, 0.9, 1.0, 1.0, 0.9), np.float32),
    )


def _hung(limbs: list[tuple[float, float, float, float, float, float]]) -> Planes:
    """Planes of limbs (joint x, joint y, angle towards +x, length, width, z), hung from joints."""
    x, y, angle, length, width, z = np.array(limbs).T
    sin, cos, none = np.sin(angle), np.cos(angle), np.zeros_like(x)
    return np.array(
        [
            [width * cos, length * sin, x - cos * width / 2],
            [width * sin, -length * cos, y - sin * width / 2],
            [none, none, z],
        ]
    ).transpose(2, 0, 1)


def walker(look: Look, *, phase_rad: float, swing: float, spread: float) -> Sprite:
    """A person in mid-stride.

    Args:
        look: Build and clothes.
        phase_rad: Where in the stride; a full turn is two steps.
        swing: Reach of the legs in radians; 0 stands still.
        spread: How far apart the two legs stand, 0 from the side to 1 from the front.
    """
    tall, wide = look.height, 0.26 * look.height * look.girth
    hip = 0.48 * tall + 0.012 * tall * abs(math.cos(phase_rad)) * min(1.0, 4 * swing)
    limbs = [(0.0, hip + 0.52 * tall, 0.0, 0.55 * tall, (0.75 + 0.25 * spread) * wide, 0.0)]
    for side in (-1, 1):
        turn = phase_rad if side > 0 else phase_rad + math.pi
        thigh = swing * math.sin(turn)
        shin = thigh - 1.3 * swing * max(0.0, math.cos(turn))
        x, z = side * spread * 0.22 * wide, 0.02 * side
        knee = x + 0.235 * tall * math.sin(thigh), hip - 0.235 * tall * math.cos(thigh)
        limbs.append((x, hip, thigh, 0.27 * tall, 0.36 * wide, z))
        limbs.append((*knee, shin, 0.255 * tall, 0.30 * wide, z + 0.004))
        arm = -0.8 * thigh + 0.1 * side * spread
        shoulder = side * (0.12 + 0.33 * spread) * wide
        limbs.append((shoulder, hip + 0.33 * tall, arm, 0.38 * tall, 0.24 * wide, -2 * z))
    return replace(_dressed(look, _PERSON), planes=_hung(limbs))


def rider(look: Look, *, phase_rad: float, side_on: bool) -> Sprite:
    """Somebody on a saddle, pedalling; on a motorcycle the phase stands still."""
    tall, wide = look.height, 0.27 * look.height * look.girth
    seat, hip, lean = (-0.15, 0.92, -0.28) if side_on else (0.0, 0.92, 0.0)
    neck = seat - 0.5 * tall * math.sin(lean), hip - 0.03 + 0.5 * tall * math.cos(lean)
    limbs = [(*neck, lean, 0.5 * tall, wide, 0.0)]
    for side in (-1, 1):
        lift = 0.45 + 0.4 * math.sin(phase_rad if side > 0 else phase_rad + math.pi)
        thigh, shin = (1.25 * lift, -0.25) if side_on else (0.08 * side, 0.0)
        x, z = seat + (0.0 if side_on else side * 0.2 * wide), 0.02 * side + 0.02
        long = 0.25 * tall * (1.0 if side_on else 1.0 - 0.45 * lift)
        knee = x + 0.9 * long * math.sin(thigh), hip - 0.9 * long * math.cos(thigh)
        limbs.append((x, hip, thigh, long, 0.36 * wide, z))
        limbs.append((*knee, shin, 0.25 * tall, 0.30 * wide, z - 0.004))
        shoulder, arm = (seat + 0.22, 0.9) if side_on else (seat + side * 0.4 * wide, 0.25 * side)
        limbs.append((shoulder, hip + 0.28 * tall, arm, 0.33 * tall, 0.24 * wide, -z))
    return replace(_dressed(look, _RIDER), planes=_hung(limbs))


@lru_cache(maxsize=32)
def _two_wheeler(kind: str, colour: Colour, *, side_on: bool) -> Texture:
    """A bicycle or motorcycle: rings and tubes from the side, a narrow outline from behind."""
    picture = np.zeros((110, 176 if side_on else 56, 4), np.uint8)
    picture[..., :3] = (34, 34, 36)
    thick = 5 if kind == "bicycle" else 11
    if side_on:
        for x in (34, 142):
            cv2.circle(picture, (x, 76), 30, (26, 26, 28, 255), thick, cv2.LINE_AA)
            cv2.circle(picture, (x, 76), 6, (120, 120, 124, 255), -1, cv2.LINE_AA)
        frame = ((34, 76), (78, 76), (122, 34), (66, 34), (78, 76), (66, 30), (34, 76))
        for start, end in itertools.pairwise(frame):
            cv2.line(picture, start, end, (*colour, 255), thick, cv2.LINE_AA)
        cv2.line(picture, (142, 76), (122, 20), (*colour, 255), thick, cv2.LINE_AA)
        cv2.line(picture, (54, 24), (80, 24), (20, 20, 20, 255), 7, cv2.LINE_AA)
        cv2.line(picture, (122, 20), (136, 14), (20, 20, 20, 255), 5, cv2.LINE_AA)
        if kind == "motorcycle":
            body = np.array([(40, 30), (90, 30), (126, 26), (120, 70), (64, 84)], np.int32)
            cv2.fillPoly(picture, [body * 16], (*colour, 255), cv2.LINE_AA, 4)
    else:
        half = 3 if kind == "bicycle" else 9
        cv2.rectangle(picture, (28 - half, 34), (28 + half, 108), (26, 26, 28, 255), -1)
        cv2.rectangle(picture, (28 - half - 3, 30), (28 + half + 3, 58), (*colour, 255), -1)
        cv2.line(picture, (8, 16), (48, 16), (24, 24, 26, 255), 5, cv2.LINE_AA)
        cv2.rectangle(picture, (25, 44), (31, 50), (200, 26, 24, 255), -1)
    return Texture(picture)


@lru_cache(maxsize=64)
def machine(kind: str, colour_number: int, *, side_on: bool) -> Sprite:
    """A bicycle or motorcycle without its rider."""
    plane = upright(centre_x=0.0, bottom=0.0, width=1.75 if side_on else 0.56, height=1.1, z=0.03)
    texture = _two_wheeler(kind, _TOPS[colour_number % len(_TOPS)], side_on=side_on)
    return sprite((Patch(plane=plane, texture=texture, label=CITYSCAPES.id_of(kind)),))


def mounted(kind: str, colour: int, look: Look, *, phase_rad: float, side_on: bool) -> Sprite:
    """A bicycle or motorcycle with its rider."""
    under, over = (
        machine(kind, colour, side_on=side_on),
        rider(look, phase_rad=phase_rad, side_on=side_on),
    )
    return Sprite(
        planes=np.concatenate([under.planes, over.planes]),
        textures=(*under.textures, *over.textures),
        labels=np.concatenate([under.labels, over.labels]),
        one_sided=np.concatenate([under.one_sided, over.one_sided]),
        gains=np.concatenate([under.gains, over.gains]),
    )
