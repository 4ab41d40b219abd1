"""What people, riders and their two-wheelers look like: flat limbs that swing about their joints.

Each limb is one rigid patch, so that its motion is exact. A figure faces across its own plane; the
swing of limbs is foreshortened for one who walks away.
Axes: H W texels.
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import lru_cache

import numpy as np
from numpy.typing import NDArray

from forecast.labels import CITYSCAPES
from forecast.sources.street.patches import Patch, Texture, upright

Colour = tuple[int, int, int]
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


def random_look(rng: np.random.Generator) -> Look:
    """Somebody; one in eight a child."""
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
    import cv2

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
    import cv2

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


def _hung(
    joint: tuple[float, float], angle_rad: float, length: float, width: float, z: float
) -> NDArray[np.float64]:
    """The plane of a limb that hangs from a joint (x, y), turned towards +x."""
    down = np.array([np.sin(angle_rad), -np.cos(angle_rad), 0.0])
    right = np.array([np.cos(angle_rad), np.sin(angle_rad), 0.0])
    origin = np.array([joint[0], joint[1], z]) - right * width / 2
    return np.stack([right * width, down * length, origin], 1)


def _joint(start: tuple[float, float], angle_rad: float, length: float) -> tuple[float, float]:
    return (
        start[0] + float(np.sin(angle_rad)) * length,
        start[1] - float(np.cos(angle_rad)) * length,
    )


def walker(look: Look, *, phase_rad: float, swing: float, spread: float) -> tuple[Patch, ...]:
    """A person in mid-stride.

    Args:
        look: Build and clothes.
        phase_rad: Where in the stride; a full turn is two steps.
        swing: Reach of the legs in radians; 0 stands still.
        spread: How far apart the two legs stand, 0 from the side to 1 from the front.
    """
    tall, wide = look.height, 0.26 * look.height * look.girth
    top, legs, skin = _TOPS[look.top], _LEGS[look.legs], _SKINS[look.skin]
    hip = 0.48 * tall + 0.012 * tall * abs(np.cos(phase_rad)) * min(1.0, 4 * swing)
    patches: list[Patch] = []
    for side in (-1, 1):
        turn = phase_rad if side > 0 else phase_rad + np.pi
        thigh = swing * float(np.sin(turn))
        shin = thigh - 1.3 * swing * max(0.0, float(np.cos(turn)))
        joint = (side * spread * 0.22 * wide, hip)
        knee = _joint(joint, thigh, 0.235 * tall)
        z = 0.02 * side
        thigh_plane = _hung(joint, thigh, 0.27 * tall, 0.36 * wide, z)
        shin_plane = _hung(knee, shin, 0.255 * tall, 0.30 * wide, z + 0.004)
        patches.append(Patch(plane=thigh_plane, texture=_limb(legs, legs, 0.75), label=_PERSON))
        shin_texture = _limb(legs, (30, 26, 24), 0.6)
        patches.append(Patch(plane=shin_plane, texture=shin_texture, label=_PERSON))
        shoulder = (side * (0.12 + 0.33 * spread) * wide, hip + 0.33 * tall)
        arm = _hung(shoulder, -0.8 * thigh + 0.1 * side * spread, 0.38 * tall, 0.24 * wide, -2 * z)
        patches.append(Patch(plane=arm, texture=_limb(top, skin, 0.55), label=_PERSON, gain=0.9))
    trunk = upright(
        centre_x=0.0, bottom=hip - 0.03 * tall, width=(0.75 + 0.25 * spread) * wide,
        height=0.55 * tall,
    )  # fmt: skip
    body = _torso(top, skin, _HAIR[look.hair])
    return (*patches, Patch(plane=trunk, texture=body, label=_PERSON))


@lru_cache(maxsize=32)
def _two_wheeler(kind: str, colour: Colour, *, side_on: bool) -> Texture:
    """A bicycle or motorcycle: rings and tubes from the side, a narrow outline from behind."""
    import cv2

    picture = np.zeros((110, 176 if side_on else 56, 4), np.uint8)
    picture[..., :3] = (34, 34, 36)
    thick = 5 if kind == "bicycle" else 11
    if side_on:
        for x in (34, 142):
            cv2.circle(picture, (x, 76), 30, (26, 26, 28, 255), thick, cv2.LINE_AA)
            cv2.circle(picture, (x, 76), 6, (120, 120, 124, 255), -1, cv2.LINE_AA)
        frame = ((34, 76), (78, 76), (122, 34), (66, 34), (78, 76), (66, 30), (34, 76))
        for start, end in zip(frame, frame[1:], strict=False):
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


def machine(kind: str, colour_number: int, *, side_on: bool) -> Patch:
    """A bicycle or motorcycle without its rider."""
    plane = upright(centre_x=0.0, bottom=0.0, width=1.75 if side_on else 0.56, height=1.1, z=0.03)
    texture = _two_wheeler(kind, _TOPS[colour_number % len(_TOPS)], side_on=side_on)
    return Patch(plane=plane, texture=texture, label=CITYSCAPES.id_of(kind))


def rider(look: Look, *, phase_rad: float, side_on: bool) -> tuple[Patch, ...]:
    """Somebody on a saddle, pedalling; on a motorcycle the phase stands still."""
    tall, wide = look.height, 0.27 * look.height * look.girth
    top, legs, skin = _TOPS[look.top], _LEGS[look.legs], _SKINS[look.skin]
    seat_x, hip = (-0.15, 0.92) if side_on else (0.0, 0.92)
    patches: list[Patch] = []
    for side in (-1, 1):
        turn = phase_rad if side > 0 else phase_rad + np.pi
        lift = 0.45 + 0.4 * float(np.sin(turn))
        thigh, shin = (1.25 * lift, -0.25) if side_on else (0.08 * side, 0.0)
        joint = (seat_x + (0.0 if side_on else side * 0.2 * wide), hip)
        long = 0.25 * tall * (1.0 if side_on else 1.0 - 0.45 * lift)
        knee = _joint(joint, thigh, 0.9 * long)
        z = 0.02 * side + 0.02
        thigh_plane = _hung(joint, thigh, long, 0.36 * wide, z)
        shin_plane = _hung(knee, shin, 0.25 * tall, 0.30 * wide, z - 0.004)
        patches.append(Patch(plane=thigh_plane, texture=_limb(legs, legs, 0.75), label=_RIDER))
        shin_texture = _limb(legs, (30, 26, 24), 0.6)
        patches.append(Patch(plane=shin_plane, texture=shin_texture, label=_RIDER))
        shoulder = (seat_x + (0.22 if side_on else side * 0.4 * wide), hip + 0.28 * tall)
        arm_plane = _hung(shoulder, 0.9 if side_on else 0.25 * side, 0.33 * tall, 0.24 * wide, -z)
        patches.append(Patch(plane=arm_plane, texture=_limb(top, skin, 0.55), label=_RIDER))
    lean = -0.28 if side_on else 0.0
    tip = (seat_x - 0.5 * tall * float(np.sin(lean)), hip - 0.03 + 0.5 * tall * float(np.cos(lean)))
    trunk = _hung(tip, lean, 0.5 * tall, wide, 0.0)
    return (*patches, Patch(plane=trunk, texture=_torso(top, skin, _HAIR[look.hair]), label=_RIDER))
