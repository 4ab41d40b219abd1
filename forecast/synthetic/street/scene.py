"""What stands still along a block: houses, walls, trees, poles, signs and parked cars.

Contents follow from the seed and the block's number alone.
Axes: F patches.
"""

from __future__ import annotations

import itertools
from collections.abc import Iterator
from dataclasses import dataclass, field

import numpy as np

from forecast.labels import CITYSCAPES
from forecast.synthetic.street.facades import (
    NUM_FACADES,
    facade,
    fence,
    garden_wall,
    plain_wall,
    roof,
)
from forecast.synthetic.street.furniture import (
    NUM_CROWNS,
    NUM_SIGNS,
    hedge,
    lamp_post,
    sign,
    tree,
)
from forecast.synthetic.street.patches import (
    Patch,
    Placed,
    Sprite,
    Texture,
    joined,
    place,
    slab,
    sprite,
)
from forecast.synthetic.street.road import (
    BLOCK_M,
    CROSS_STREET_M,
    CROSSWALK_M,
    Block,
    Layout,
)
from forecast.synthetic.street.vehicles import PAINTS, SHAPES, TRUCK, vehicle

OBJECTS_PER_BLOCK = 256
_BUILDING = CITYSCAPES.id_of("building")


@dataclass(slots=True, kw_only=True)
class _Builder:
    """Gathers the objects of one block, numbering them as they come."""

    block: Block
    layout: Layout
    rng: np.random.Generator
    placed: list[Placed] = field(default_factory=list)
    num_parked: int = 0

    def add(
        self,
        drawn: Sprite,
        *,
        s: float,
        d: float,
        heading_rad: float = 0.0,
        shadow_m: tuple[float, float] | None = None,
    ) -> None:
        """An object at a point of the street, turned with it."""
        x, z = self.block.world(np.array([s]), np.array([d]))[0]
        heading = self.block.heading_rad + self.block.curvature * s + heading_rad
        ordinal = len(self.placed)
        self.placed.append(
            place(
                drawn,
                at=(float(x), 0.0, float(z)),
                heading_rad=heading,
                uid=self.block.number * OBJECTS_PER_BLOCK + ordinal,
                instance=self.block.number * 64 % 512 + self.num_parked % 64,
                shadow_m=shadow_m,
            )
        )

    def panel(
        self,
        start: tuple[float, float],
        end: tuple[float, float],
        heights: tuple[float, float],
        texture: Texture,
        label: int,
        *,
        lean: float = 0.0,
        gain: float = 1.0,
    ) -> None:
        """An upright panel from one (s, d) to another, as read from left to right.

        Args:
            start: Its left end.
            end: Its right end.
            heights: Of its foot and its top.
            texture: What is painted on it.
            label: Train id.
            lean: How much farther from the street its top is than its foot.
            gain: Brightness.
        """
        s = np.array([start[0], end[0], start[0], end[0]])
        d = np.array([start[1], end[1], start[1], end[1]])
        d[:2] += lean * np.sign(d[:2])
        left_top, right_top, left_foot, _ = self.block.world(s, d)
        foot, top = heights
        plane = slab(
            (left_top[0], top, left_top[1]),
            (right_top[0], top, right_top[1]),
            (left_foot[0], foot, left_foot[1]),
        )
        patch = Patch(plane=plane, texture=texture, label=label, gain=gain)
        uid = self.block.number * OBJECTS_PER_BLOCK + len(self.placed)
        self.placed.append(place(sprite((patch,)), at=(0.0, 0.0, 0.0), heading_rad=0.0, uid=uid))

    def front(
        self, s0: float, s1: float, d: float, heights: tuple[float, float], texture: Texture,
        label: int, *, lean: float = 0.0, gain: float = 1.0,
    ) -> None:  # fmt: skip
        """A panel along the street, read from the road."""
        near, far = ((s1, d), (s0, d)) if d > 0 else ((s0, d), (s1, d))
        self.panel(near, far, heights, texture, label, lean=lean, gain=gain)


def _stretches(block: Block) -> Iterator[tuple[float, float]]:
    """Where houses may stand."""
    if block.kind == "crossing":
        yield 0.0, CROSS_STREET_M[0]
        yield CROSS_STREET_M[1], BLOCK_M
    else:
        yield 0.0, BLOCK_M


def _houses(build: _Builder, side: int) -> None:
    d, rng = side * build.layout.facade_m, build.rng
    for start, end in _stretches(build.block):
        count = max(1, round((end - start) / rng.uniform(10.5, 14.5)))
        cuts = np.linspace(start, end, count + 1)
        wall, last = plain_wall(int(rng.integers(8))), 0.0
        for s0, s1 in itertools.pairwise(cuts):
            texture, _, height = facade(int(rng.integers(NUM_FACADES)))
            build.front(s0, s1, d, (0.0, height), texture, _BUILDING)
            tiles = roof(int(rng.integers(4)))
            build.front(s0, s1, d, (height, height + 2.4), tiles, _BUILDING, lean=1.5)
            if height > last:
                build.panel((s0, d), (s0, d + side * 13), (last, height), wall, _BUILDING, gain=0.8)
            last = height
        build.panel((end, d), (end, d + side * 13), (0.0, last), wall, _BUILDING, gain=0.8)


def _cross_street(build: _Builder, side: int) -> None:
    """The houses along the street that crosses, and the one at its end."""
    d, rng = side * build.layout.facade_m, build.rng
    for s in CROSS_STREET_M:
        for depth in (0.0, 14.0):
            texture, _, height = facade(int(rng.integers(NUM_FACADES)))
            ends = (s, d + side * depth), (s, d + side * (depth + 14.0))
            build.panel(*ends, (0.0, height + 0.3), texture, _BUILDING, gain=0.92)
    for s0 in (8.0, 24.0):
        texture, _, height = facade(int(rng.integers(NUM_FACADES)))
        build.front(s0, s0 + 16.0, d + side * 30.0, (0.0, height), texture, _BUILDING)


def _park(build: _Builder, side: int) -> None:
    """A wall, fence or hedge, trees behind it, and perhaps a house among them."""
    d, rng = side * build.layout.facade_m, build.rng
    choice = int(rng.integers(3))
    textures = (garden_wall, fence, hedge)[choice]
    label = CITYSCAPES.id_of(("wall", "fence", "vegetation")[choice])
    height = float(rng.uniform(0.9, 2.1))
    texture = textures(int(rng.integers(4)))
    for s0 in np.arange(0.0, BLOCK_M, 8.0):
        build.front(s0, s0 + 8.0, d, (0.0, height), texture, label)
    for s in np.arange(3.0, BLOCK_M, 5.5):
        for depth in (3.0, 9.5):
            where = s + float(rng.uniform(-2, 2)), d + side * (depth + float(rng.uniform(0, 3)))
            kind = int(rng.integers(NUM_CROWNS))
            build.add(tree(kind, height=float(rng.uniform(6, 12))), s=where[0], d=where[1])
    if rng.random() < 0.5:
        s0 = float(rng.uniform(4, 30))
        texture, _, height = facade(int(rng.integers(NUM_FACADES)))
        build.front(s0, s0 + 13, d + side * 15, (0.0, height), texture, _BUILDING)


def _clear(block: Block, s: float, margin: float) -> bool:
    """Whether a spot beside the carriageway is away from any crossing."""
    if block.kind != "crossing":
        return True
    return not CROSSWALK_M - 2 - margin < s < CROSS_STREET_M[1] + margin


def _roadside(build: _Builder, side: int) -> None:
    """Trees, lamps and signs along the kerb."""
    rng, layout = build.rng, build.layout
    d = side * (layout.road_m + max(0.8, layout.verge_m / 2 + 0.3))
    leafy = float(rng.choice((0.25, 0.6, 0.9)))
    for s in np.arange(5.0, BLOCK_M, 9.5):
        where = s + float(rng.uniform(-1, 1))
        if rng.random() < leafy and _clear(build.block, where, 1.0):
            kind = tree(int(rng.integers(NUM_CROWNS)), height=float(rng.uniform(5, 9)))
            build.add(kind, s=where, d=d, shadow_m=(2.6, 2.6))
    lamp = float(rng.uniform(1, 10))
    for s in (lamp, lamp + 24.0):
        if _clear(build.block, s, 0.0):
            build.add(lamp_post(reach=-side * 1.9), s=s, d=d + side * 0.2)
    for _ in range(int(rng.integers(1, 4))):
        s = float(rng.uniform(0, BLOCK_M))
        if _clear(build.block, s, 0.0):
            build.add(sign(int(rng.integers(NUM_SIGNS))), s=s, d=d - side * 0.25)


def _parked(build: _Builder, side: int) -> None:
    rng = build.rng
    share, s = float(rng.choice((0.25, 0.6, 0.85))), float(rng.uniform(3, 6))
    while s < BLOCK_M - 2.5:
        pick = rng.random()
        number = TRUCK if pick < 0.03 else int(rng.integers(5))
        shape = SHAPES[number]
        if rng.random() < share and _clear(build.block, s, 0.5 * shape.length):
            patches = vehicle(number, int(rng.integers(len(PAINTS))))
            d = side * (build.layout.road_m - 0.2 - shape.width / 2)
            heading = (0.0 if side > 0 else np.pi) + float(rng.normal(0, 0.015))
            shadow = (shape.width + 0.7, shape.length + 0.6)
            build.add(patches, s=s, d=d, heading_rad=heading, shadow_m=shadow)
            build.num_parked += 1
        s += shape.length + float(rng.uniform(0.9, 2.2))


def block_contents(*, seed: int, block: Block, layout: Layout) -> Placed:
    """Everything of one block that never moves."""
    rng = np.random.default_rng([seed, 30, block.number])
    build = _Builder(block=block, layout=layout, rng=rng)
    for side in (-1, 1):
        if block.kind == "park" and (side > 0 or rng.random() < 0.5):
            _park(build, side)
        else:
            _houses(build, side)
        if block.kind == "crossing":
            _cross_street(build, side)
        _roadside(build, side)
        _parked(build, side)
    return joined(build.placed)
