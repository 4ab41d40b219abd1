"""Lays the ground into a picture.

Each pixel's ray meets the road, and the street's own coordinates there say what lies underfoot.

Axes: H W picture, h w rows of it, N blocks.
"""

from __future__ import annotations

from collections.abc import Sequence

import cv2
import numpy as np
from numpy.typing import NDArray

from forecast.labels import CITYSCAPES
from forecast.synthetic.street.ground import HALF_WIDTH_M, SHRINK, TEXEL_M, Tile, tile
from forecast.synthetic.street.light import Light
from forecast.synthetic.street.raster import Canvas, bounds, warped
from forecast.synthetic.street.road import BLOCK_M, Block, Layout

_TERRAIN = CITYSCAPES.id_of("terrain")
_FARTHEST_M = 700.0
_FIELD = np.array((112, 116, 88, 255), np.uint8)
Plane = NDArray[np.float32]


def _street_coordinates(block: Block, x: Plane, z: Plane) -> tuple[Plane, Plane]:
    """(s from the block's start, d) of world points."""
    sin_h, cos_h = np.float32(np.sin(block.heading_rad)), np.float32(np.cos(block.heading_rad))
    x, z = x - np.float32(block.start[0]), z - np.float32(block.start[1])
    along, across = x * sin_h + z * cos_h, x * cos_h - z * sin_h
    if not block.curvature:
        return along.astype(np.float32, copy=False), across.astype(np.float32, copy=False)
    bend = np.float32(block.curvature)
    p, q = along * bend, 1 - across * bend
    s, d = np.arctan2(p, q) / bend, (1 - np.hypot(p, q)) / bend
    return s.astype(np.float32, copy=False), d.astype(np.float32, copy=False)


def _rows(block: Block, homography: NDArray[np.float64], num_rows: int) -> slice:
    """Rows of the picture in which a block's ground can be."""
    s = np.tile(np.linspace(0, BLOCK_M, 5), 2)
    d = np.repeat([-HALF_WIDTH_M, HALF_WIDTH_M], 5)
    points = block.world(s, d)
    seen = homography @ np.stack([points[:, 0], points[:, 1], np.ones(len(points))])
    depth = seen[2]
    if (depth < 1.0).all():
        return slice(0, 0)
    y = seen[1] / np.maximum(depth, 1.0)
    last = num_rows if (depth < 1.0).any() else int(np.clip(y.max() + 2, 0, num_rows))
    return slice(int(np.clip(y[depth >= 1.0].min() - 2, 0, last)), last)


def _levels(metres_per_row: Plane) -> NDArray[np.intp]:
    """The copy of a tile that suits how much of the road one row of pixels covers."""
    limits = np.array([along * 2.2 * TEXEL_M for along, _ in SHRINK[1:]])
    return np.searchsorted(limits, metres_per_row)


def _cast_shade(light: Light, s: Plane, d: Plane, first_m: float) -> Plane:
    """Brightness of the road where houses keep the sun away: one side of a sunny street."""
    strength = min(0.42, 1.5 * float(np.hypot(*light.sun)))
    roofs = 1.6 * np.sin((s + np.float32(first_m)) * 0.21) + 0.9 * np.sin(s * 0.62)
    inside = np.clip((d * np.sign(light.sun[0]) * -1 - 2.4 - roofs) * 2.5, 0, 1)
    return (1 - strength * inside).astype(np.float32)


def _paint(
    canvas: Canvas,
    labels: NDArray[np.uint8],
    rows: slice,
    place: tuple[Plane, Plane, NDArray[np.bool_]],
    painted: tuple[Tile, int],
) -> None:
    """One band of rows from one block's tile."""
    s, d, inside = place
    ground, level = painted
    along, across = SHRINK[level]
    v, u = s / np.float32(TEXEL_M), (d + np.float32(HALF_WIDTH_M)) / np.float32(TEXEL_M)
    seen = cv2.remap(
        ground.levels[level], u / across - 0.5, v / along - 0.5, cv2.INTER_LINEAR,
        borderMode=cv2.BORDER_REPLICATE,
    )  # fmt: skip
    ids = cv2.remap(
        ground.labels, u - 0.5, v - 0.5, cv2.INTER_NEAREST, borderMode=cv2.BORDER_REPLICATE
    )
    colours = canvas.rgba.view(np.uint32)[..., 0]
    np.copyto(colours[rows], np.asarray(seen, np.uint8).view(np.uint32)[..., 0], where=inside)
    np.copyto(labels[rows], np.asarray(ids, np.uint8), where=inside)


def _ground_rays(
    homography: NDArray[np.float64], size_hw: tuple[int, int]
) -> tuple[int, Plane, Plane, Plane]:
    """The first row that shows ground, and world x, z and inverse depth from there down."""
    height, width = size_hw
    inverse = np.linalg.inv(homography)
    ends = inverse[2, 0] * np.array([0, width - 1]) + inverse[2, 2]
    reaches = (ends[:, None] + inverse[2, 1] * np.arange(height)).max(axis=0) > 1 / _FARTHEST_M
    top = int(np.argmax(reaches)) if reaches.any() else height
    columns, rows = np.arange(width), np.arange(top, height)[:, None]
    u, v, w = (inverse[i, 0] * columns + inverse[i, 1] * rows + inverse[i, 2] for i in range(3))
    depth = 1 / np.maximum(w, 1 / _FARTHEST_M)
    x, z = (u * depth).astype(np.float32), (v * depth).astype(np.float32)
    return top, x, z, np.where(w > 1 / _FARTHEST_M, w, 0).astype(np.float32)


def lay_ground(
    canvas: Canvas,
    homography: NDArray[np.float64],
    blocks: Sequence[Block],
    layout: Layout,
    light: Light,
) -> NDArray[np.uint8]:
    """Draws the ground beneath the horizon; its train ids [H, W]."""
    height, width = canvas.patch.shape
    labels = np.full((height, width), _TERRAIN, np.uint8)
    top, x, z, near = _ground_rays(homography, (height, width))
    if height - top < 2:
        return labels
    canvas.inverse_depth[top:] = near
    canvas.rgba[top:] = _FIELD
    spread = np.abs(np.gradient(1 / np.maximum(near[:, width // 2], 1 / _FARTHEST_M)))
    levels = _levels(spread)
    sunny = float(np.hypot(*light.sun)) > 0.1
    shade = np.ones_like(near) if sunny else None
    for block in blocks:
        span = _rows(block, homography, height)
        span = slice(max(0, span.start - top), max(0, span.stop - top))
        ground = tile(layout, block.kind)
        for level in np.unique(levels[span]):
            chosen = np.flatnonzero(levels[span] == level) + span.start
            band = slice(int(chosen[0]), int(chosen[-1]) + 1)
            s, d = _street_coordinates(block, x[band], z[band])
            inside = (s >= 0) & (s < BLOCK_M) & (near[band] > 0) & (np.abs(d) < 60)
            if not inside.any():
                continue
            rows = slice(band.start + top, band.stop + top)
            _paint(canvas, labels, rows, (s, d, inside), (ground, int(level)))
            if shade is not None:
                cast = _cast_shade(light, s, d, block.number * BLOCK_M)
                np.copyto(shade[band], cast, where=inside)
    if shade is not None:
        lit = canvas.rgba[top:, :, :3]
        np.multiply(lit, shade[..., None], out=lit, casting="unsafe")
    return labels


def _soft_spot() -> NDArray[np.uint8]:
    """The darkness of a soft oblong shade, in every channel."""
    axis = np.linspace(-1, 1, 48)
    fall = np.clip((1 - np.abs(axis)) * 3.0, 0, 1)
    shade = (150 * np.outer(fall, fall)).astype(np.uint8)
    return np.repeat(shade[..., None], 4, axis=2)


_SPOT: list[NDArray[np.uint8]] = []


def darken(canvas: Canvas, homographies: NDArray[np.float64]) -> None:
    """The shade under what stands on the ground; labels and depth are as before."""
    if not _SPOT:
        _SPOT.append(_soft_spot())
    boxes, shows = bounds(homographies, canvas.patch.shape)
    shows &= (boxes[:, 3] - boxes[:, 1] >= 2) & (boxes[:, 2] - boxes[:, 0] >= 3)
    for index in np.flatnonzero(shows).tolist():
        x0, y0, x1, y1 = boxes[index].tolist()
        spot = warped(_SPOT[0], np.linalg.inv(homographies[index]), (x0, y0, x1, y1))
        part = canvas.rgba[y0:y1, x0:x1]
        cv2.multiply(part, ~spot, dst=part, scale=1 / 255)
