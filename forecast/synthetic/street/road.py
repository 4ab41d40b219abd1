"""The centre line of a street, built of arcs of equal length, and the kind of each block along it.

(s, d): metres along the centre line and to the right of it. Every function is of the seed alone.
Axes: B blocks, N points.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Literal

import numpy as np
from numpy.typing import NDArray

BLOCK_M = 48.0
"""Length of a block."""
CROSSWALK_M = 13.0
"""From a crossing block's start to the middle of its zebra."""
CROSS_STREET_M = (17.0, 31.0)
"""Where the facades open for the cross street, from the block's start."""

BlockKind = Literal["houses", "crossing", "park"]
Points = NDArray[np.float64]

_CURVATURES = (0.0, 0.0, 1 / 150, -1 / 150, 1 / 90, -1 / 90, 1 / 65, -1 / 65)


@dataclass(frozen=True, slots=True, kw_only=True)
class Layout:
    """The cross-section of a street, in metres from the centre line."""

    lane_m: float = 3.3
    road_m: float = 5.7
    """Half the carriageway with its parking strip."""
    verge_m: float = 0.0
    """Width of the strip of grass between kerb and pavement."""
    facade_m: float = 9.6
    """Where the houses begin."""


LAYOUTS = (
    Layout(),
    Layout(road_m=5.6, facade_m=8.8),
    Layout(road_m=5.8, verge_m=1.6, facade_m=11.6),
    Layout(lane_m=3.5, road_m=6.2, facade_m=10.6),
)


@dataclass(frozen=True, slots=True, kw_only=True)
class Block:
    """One arc of the street."""

    number: int
    kind: BlockKind
    start: tuple[float, float]
    """World (x, z) of its start on the centre line."""
    heading_rad: float
    """Direction at its start; 0 is along z, positive to the right."""
    curvature: float
    """1 / metres, positive to the right."""

    def world(self, s: Points, d: Points) -> Points:
        """World (x, z) [N, 2] of points (s from the block's start, d)."""
        if self.curvature:
            angle = s * self.curvature
            along = (1 / self.curvature - d) * np.sin(angle)
            across = 1 / self.curvature - (1 / self.curvature - d) * np.cos(angle)
        else:
            along, across = s, d
        sin_h, cos_h = np.sin(self.heading_rad), np.cos(self.heading_rad)
        return np.stack(
            [
                self.start[0] + along * sin_h + across * cos_h,
                self.start[1] + along * cos_h - across * sin_h,
            ],
            axis=-1,
        )


def _kinds(seed: int, num_blocks: int) -> list[BlockKind]:
    """A crossing every third block or so, never two in a row."""
    rng = np.random.default_rng([seed, 11])
    kinds: list[BlockKind] = []
    since = int(rng.integers(0, 2))
    for _ in range(num_blocks):
        if since >= 1 and rng.random() < 0.45 + 0.3 * (since - 1):
            kinds.append("crossing")
            since = 0
        else:
            kinds.append("park" if rng.random() < 0.27 else "houses")
            since += 1
    return kinds


class Road:
    """A street of a given length; blocks are numbered from 0, which begins at s = 0."""

    def __init__(self, *, seed: int, length_m: float) -> None:
        rng = np.random.default_rng([seed, 10])
        self.layout = LAYOUTS[int(rng.integers(len(LAYOUTS)))]
        num_blocks = int(length_m // BLOCK_M) + 1
        kinds = _kinds(seed, num_blocks)
        self.blocks: Sequence[Block] = tuple(self._chain(kinds, rng))

    def _chain(self, kinds: Sequence[BlockKind], rng: np.random.Generator) -> list[Block]:
        blocks: list[Block] = []
        start, heading = (0.0, 0.0), 0.0
        for number, kind in enumerate(kinds):
            curvature = float(rng.choice(_CURVATURES))
            if number == 0 or kind == "crossing":
                curvature = 0.0
            block = Block(
                number=number, kind=kind, start=start, heading_rad=heading, curvature=curvature
            )
            blocks.append(block)
            end = block.world(np.array([BLOCK_M]), np.zeros(1))[0]
            start, heading = (float(end[0]), float(end[1])), heading + curvature * BLOCK_M
        return blocks

    def block_at(self, s: float) -> Block:
        """The block that holds s; the first or last beyond the ends."""
        return self.blocks[min(max(int(s // BLOCK_M), 0), len(self.blocks) - 1)]

    def pose(self, s: float, d: float) -> tuple[float, float, float]:
        """World x, z and heading (radians) at a point of the street."""
        block = self.block_at(s)
        along = s - block.number * BLOCK_M
        x, z = block.world(np.array([along]), np.array([d]))[0]
        return float(x), float(z), block.heading_rad + block.curvature * along

    def near(self, s: float, *, behind_m: float, ahead_m: float) -> Sequence[Block]:
        """Blocks with any part in a stretch around s."""
        first = max(0, int((s - behind_m) // BLOCK_M))
        return self.blocks[first : int((s + ahead_m) // BLOCK_M) + 1]
