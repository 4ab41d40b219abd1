"""What lies underfoot: road, marks, kerbs, pavement and grass, and which class each is.

A tile is one block long (rows are s) and wide enough for the street and its surroundings (columns
are d). It is kept at several lengths, so that far ground, seen at a grazing angle, stays calm.
Axes: H W texels.
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import lru_cache

import cv2
import numpy as np
from numpy.typing import NDArray

from forecast.labels import CITYSCAPES
from forecast.synthetic.street.noise import grain, smooth_noise, tinted
from forecast.synthetic.street.road import (
    BLOCK_M,
    CROSS_STREET_M,
    CROSSWALK_M,
    BlockKind,
    Layout,
)

TEXEL_M = 0.06
HALF_WIDTH_M = 24.0
"""How far from the centre line the tile reaches; its edge is repeated beyond."""
SHRINK = ((1, 1), (4, 1), (12, 2), (36, 4))
"""Along and across, by level."""

_ROAD, _SIDEWALK = CITYSCAPES.id_of("road"), CITYSCAPES.id_of("sidewalk")
_TERRAIN = CITYSCAPES.id_of("terrain")
_SIZE = (int(BLOCK_M / TEXEL_M), int(2 * HALF_WIDTH_M / TEXEL_M))


@dataclass(frozen=True, slots=True, kw_only=True)
class Tile:
    """The ground of one kind of block."""

    levels: tuple[NDArray[np.uint8], ...]
    """RGBA, ever smaller."""
    labels: NDArray[np.uint8]
    """Train ids at full size."""


def _classes(layout: Layout, kind: BlockKind) -> NDArray[np.uint8]:
    s = ((np.arange(_SIZE[0]) + 0.5) * TEXEL_M)[:, None]
    d = ((np.arange(_SIZE[1]) + 0.5) * TEXEL_M - HALF_WIDTH_M)[None]
    labels = np.full(_SIZE, _SIDEWALK, np.uint8)
    aside = np.abs(d)
    outside = _TERRAIN if kind == "park" else _SIDEWALK
    labels[:, (aside > layout.facade_m - 0.2)[0]] = outside
    verge = (aside > layout.road_m + 0.3) & (aside < layout.road_m + 0.3 + layout.verge_m)
    if kind != "crossing":
        labels[:, verge[0]] = _TERRAIN
    labels[:, (aside < layout.road_m)[0]] = _ROAD
    if kind == "crossing":
        first, last = CROSS_STREET_M
        labels[((s > first + 3) & (s < last - 3))[:, 0]] = _ROAD
    return labels


def _marks(
    rgb: NDArray[np.float32], layout: Layout, kind: BlockKind, wear: NDArray[np.float32]
) -> None:
    """Paint: a dashed centre line, parking lines, zebras and stop lines."""
    s = ((np.arange(_SIZE[0]) + 0.5) * TEXEL_M)[:, None]
    d = ((np.arange(_SIZE[1]) + 0.5) * TEXEL_M - HALF_WIDTH_M)[None]
    paint = (np.abs(d) < 0.09) & (s % 6.0 < 3.0)
    paint |= (np.abs(np.abs(d) - layout.lane_m - 0.05) < 0.06) & (s % 1.5 < 0.75)
    if kind == "crossing":
        inside = (s > CROSSWALK_M - 3) & (s < CROSS_STREET_M[1] + 4)
        paint &= ~inside
        zebra = (np.abs(s - CROSSWALK_M) < 1.5) & (np.abs(d) < layout.road_m) & (d % 1.0 < 0.5)
        stop = (np.abs(s - CROSSWALK_M + 2.6) < 0.2) & (d > 0) & (d < layout.lane_m)
        paint |= zebra | stop
    share = (0.85 - 0.3 * wear)[..., None] * paint[..., None]
    rgb += share * (np.array((215, 213, 205), np.float32) - rgb)


def _road(rng: np.random.Generator, layout: Layout) -> NDArray[np.float32]:
    """Asphalt with blotches, patches, cracks and darker wheel tracks."""
    d = (np.arange(_SIZE[1]) + 0.5) * TEXEL_M - HALF_WIDTH_M
    centre = layout.lane_m / 2
    tracks = np.exp(-(((np.abs(np.abs(d) - centre) - 0.75) / 0.3) ** 2))
    cracks = (np.abs(smooth_noise(rng, _SIZE, cell=64, octaves=4)) < 0.012) * -0.12
    return tinted(
        (96, 95, 97),
        smooth_noise(rng, _SIZE, cell=96, octaves=4) * 0.14,
        grain(rng, _SIZE) * 0.05,
        (cracks - 0.07 * tracks).astype(np.float32),
    )


def _pavement(rng: np.random.Generator) -> NDArray[np.float32]:
    """Slabs with joints."""
    rows, columns = np.arange(_SIZE[0]) // 10, np.arange(_SIZE[1]) // 10
    slabs = rng.standard_normal((rows.max() + 1, columns.max() + 1)).astype(np.float32) * 0.05
    tone = slabs[rows][:, columns]
    tone[np.arange(_SIZE[0]) % 10 == 0] -= 0.13
    tone[:, np.arange(_SIZE[1]) % 10 == 0] -= 0.13
    blotches = smooth_noise(rng, _SIZE, cell=64) * 0.10
    return tinted((148, 142, 138), tone, blotches, grain(rng, _SIZE) * 0.03)


def _grass(rng: np.random.Generator) -> NDArray[np.float32]:
    blotches = smooth_noise(rng, _SIZE, cell=40, octaves=4)
    rgb = tinted((92, 108, 58), blotches * 0.3, grain(rng, _SIZE) * 0.12)
    dry = np.clip(blotches * 2 - 0.4, 0, 0.7)[..., None]
    return np.asarray(rgb + dry * (np.array((134, 118, 82), np.float32) - rgb), np.float32)


@lru_cache(maxsize=12)
def tile(layout: Layout, kind: BlockKind) -> Tile:
    """The ground of a block; always the same for the same street and kind."""
    rng = np.random.default_rng([107, int(layout.road_m * 10), len(kind)])
    labels = _classes(layout, kind)
    road = _road(rng, layout)
    _marks(road, layout, kind, smooth_noise(rng, _SIZE, cell=32))
    rgb = np.where((labels == _ROAD)[..., None], road, _pavement(rng))
    rgb = np.where((labels == _TERRAIN)[..., None], _grass(rng), rgb)
    kerb = cv2.dilate((labels == _ROAD).astype(np.uint8), np.ones((7, 7), np.uint8)) > 0
    rgb[kerb & (labels != _ROAD)] = (166, 162, 156)
    gutter = cv2.erode((labels == _ROAD).astype(np.uint8), np.ones((7, 7), np.uint8)) == 0
    rgb[gutter & (labels == _ROAD)] *= 0.82
    full = np.concatenate([rgb, np.full((*_SIZE, 1), 255, np.float32)], 2)
    full = full.clip(0, 255).astype(np.uint8)
    levels = tuple(
        np.asarray(
            cv2.resize(full, (_SIZE[1] // across, _SIZE[0] // along), interpolation=cv2.INTER_AREA),
            np.uint8,
        )
        for along, across in SHRINK
    )
    return Tile(levels=levels, labels=labels)
