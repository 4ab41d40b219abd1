"""What houses, walls, fences and the skyline look like: painted once, then kept.

Axes: H W texels.
"""

from __future__ import annotations

from functools import lru_cache

import cv2
import numpy as np
from numpy.typing import NDArray

from forecast.synthetic.street.noise import grain, opaque, smooth_noise, tinted
from forecast.synthetic.street.patches import Texture

NUM_FACADES = 24
NUM_SKYLINES = 6
_TEXELS_PER_M = 20
_FLOOR_M = 3.2

_WALLS = (
    (196, 182, 158), (170, 120, 95), (150, 92, 74), (205, 198, 186), (178, 170, 160),
    (214, 190, 142), (160, 155, 150), (188, 150, 128), (140, 132, 124), (210, 205, 200),
)  # fmt: skip


def _bricks(rng: np.random.Generator, size_hw: tuple[int, int]) -> NDArray[np.float32]:
    """Courses of brick: dark joints and stones of differing tone."""
    height, width = size_hw
    rows, columns = np.arange(height) // 3, np.arange(width)
    stones = rng.standard_normal((height // 3 + 1, width // 5 + 2)).astype(np.float32) * 0.09
    tone = stones[rows][:, (columns // 5)]
    tone[np.arange(height) % 3 == 0] -= 0.10
    return tone


def _window(
    rng: np.random.Generator, picture: NDArray[np.float32], box: tuple[int, int, int, int]
) -> None:
    """One window: frame, glass that mirrors the sky above, perhaps a curtain, a sill."""
    x0, y0, x1, y1 = box
    frame = float(rng.uniform(0.9, 1.15))
    picture[y0 - 1 : y1 + 1, x0 - 1 : x1 + 1] = np.array((208, 204, 196)) * frame
    glow = np.linspace(95, 45, y1 - y0, dtype=np.float32)[:, None, None]
    glass = glow * np.array((0.85, 0.98, 1.15), np.float32) * float(rng.uniform(0.5, 1.25))
    picture[y0:y1, x0:x1] = glass
    if rng.random() < 0.35:
        curtain = (y1 - y0) * float(rng.uniform(0.2, 0.8))
        picture[y0 : y0 + int(curtain), x0:x1] = np.array((170, 162, 150)) * rng.uniform(0.6, 1.0)
    picture[y0:y1, (x0 + x1) // 2] = np.array((190, 186, 180))
    picture[y1 + 1 : y1 + 3, x0 - 2 : x1 + 2] *= 0.72


def _ground_floor(rng: np.random.Generator, picture: NDArray[np.float32]) -> None:
    """Shop windows with an awning or sign, or a plinth with a door."""
    height, width = picture.shape[:2]
    top = height - int(_FLOOR_M * _TEXELS_PER_M)
    door = int(rng.integers(10, max(11, width - 34)))
    if rng.random() < 0.5:
        sign = tuple(float(value) for value in rng.uniform(30, 200, 3))
        picture[top : top + 9] = sign
        for x in range(6, width - 40, 52):
            picture[top + 14 : height - 8, x : x + 44] = (
                np.linspace(70, 35, height - 22 - top)[:, None, None]
                * np.array((1.0, 1.05, 1.1))
                * float(rng.uniform(0.7, 1.6))
            )
            cv2.rectangle(picture, (x, top + 14), (x + 44, height - 8), (60.0, 58.0, 55.0), 2)
    else:
        picture[top:] *= 0.86
        for x in range(12, width - 30, 48):
            _window(rng, picture, (x, top + 18, x + 22, top + 46))
    picture[height - 46 :, door : door + 24] = rng.uniform(35, 110, 3)
    cv2.rectangle(picture, (door, height - 46), (door + 24, height), (150.0, 145.0, 138.0), 2)


@lru_cache(maxsize=NUM_FACADES)
def facade(number: int) -> tuple[Texture, float, float]:
    """A house front with its width and height in metres."""
    rng = np.random.default_rng([101, number])
    floors = int(rng.integers(3, 6))
    width_m, height_m = float(rng.uniform(9, 15)), floors * _FLOOR_M + 1.0
    size = (int(height_m * _TEXELS_PER_M), int(width_m * _TEXELS_PER_M))
    wall = _WALLS[number % len(_WALLS)]
    layers = [smooth_noise(rng, size, cell=48) * 0.10, grain(rng, size) * 0.03]
    if wall[0] > wall[1] * 1.3:
        layers.append(_bricks(rng, size))
    picture = tinted(wall, *layers)
    pitch = int(rng.integers(38, 62))
    glass_w, glass_h = int(pitch * rng.uniform(0.4, 0.6)), int(rng.integers(28, 40))
    margin = (size[1] - (size[1] // pitch) * pitch) // 2
    for floor in range(floors - 1):
        top = 20 + int(floor * _FLOOR_M * _TEXELS_PER_M) + 12
        for column in range(size[1] // pitch):
            x = margin + column * pitch + (pitch - glass_w) // 2
            _window(rng, picture, (x, top, x + glass_w, top + glass_h))
        if rng.random() < 0.4:
            picture[top + glass_h + 10 : top + glass_h + 13] *= 1.13
    _ground_floor(rng, picture)
    picture[:6] *= 0.62
    picture[6:12] *= 1.15
    return Texture(opaque(picture)), width_m, height_m


@lru_cache(maxsize=8)
def plain_wall(number: int) -> Texture:
    """The windowless side of a house."""
    rng = np.random.default_rng([102, number])
    size = (192, 192)
    picture = tinted(_WALLS[number], smooth_noise(rng, size, cell=64) * 0.14, _bricks(rng, size))
    return Texture(opaque(picture * 0.9))


@lru_cache(maxsize=4)
def roof(number: int) -> Texture:
    """Tiles."""
    rng = np.random.default_rng([103, number])
    size = (64, 192)
    base = ((128, 66, 50), (92, 84, 84), (112, 74, 60), (70, 72, 80))[number]
    picture = tinted(base, smooth_noise(rng, size, cell=24) * 0.15, _bricks(rng, size))
    return Texture(opaque(picture))


@lru_cache(maxsize=4)
def garden_wall(number: int) -> Texture:
    """A wall of stone or concrete with a coping."""
    rng = np.random.default_rng([104, number])
    size = (48, 256)
    base = ((150, 144, 134), (158, 112, 90), (172, 166, 156), (128, 124, 118))[number]
    picture = tinted(base, smooth_noise(rng, size, cell=32) * 0.2, _bricks(rng, size))
    picture[:5] *= 1.15
    picture[-8:] *= 0.75
    return Texture(opaque(picture))


@lru_cache(maxsize=4)
def fence(number: int) -> Texture:
    """Railings or boards; the gaps of railings are too narrow to see through."""
    rng = np.random.default_rng([105, number])
    size = (48, 256)
    base = ((66, 78, 62), (120, 92, 66), (84, 86, 90), (150, 138, 120))[number]
    picture = tinted(base, smooth_noise(rng, size, cell=24) * 0.15)
    picture[:, np.arange(256) % 8 < 3] *= 0.55
    picture[[5, 6, 40, 41]] = np.array(base) * 1.2
    return Texture(opaque(picture))


@lru_cache(maxsize=NUM_SKYLINES)
def skyline(number: int) -> Texture:
    """Far trees against the sky."""
    rng = np.random.default_rng([106, number])
    size = (64, 512)
    crowns = smooth_noise(rng, size, cell=12)
    top = 30 + 14 * smooth_noise(rng, (8, 512), cell=64, octaves=5)[0]
    edge = np.arange(64)[:, None] + 5 * crowns > top
    picture = opaque(tinted((78, 92, 70), crowns * 0.35))
    picture[..., 3] = np.where(edge, 255, 0)
    return Texture(picture)
