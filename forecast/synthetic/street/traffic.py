"""Who moves along the street: vehicles in lanes, riders, walkers, and people on the zebra.

A stream is an endless row of slots that glides along a line; who is in slot k follows from the
seed, the stream and k, and where it is follows from the time. So any moment can be asked for.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from functools import lru_cache

import numpy as np

from forecast.synthetic.street.figures import mounted, random_look, walker
from forecast.synthetic.street.furniture import traffic_light
from forecast.synthetic.street.motion import Drive, Halt
from forecast.synthetic.street.patches import Placed, Sprite, place
from forecast.synthetic.street.road import BLOCK_M, CROSS_STREET_M, CROSSWALK_M, Road
from forecast.synthetic.street.vehicles import BUS, PAINTS, SHAPES, TRUCK, vehicle

_BEHIND_M, _AHEAD_M, _WALKERS_AHEAD_M = 10.0, 150.0, 85.0
_HIDDEN_M = 46.0
"""So far down the cross street, what crosses it stands behind the house at its end."""
_FIRST_UID = 1 << 40
_SLOTS = 1 << 20


@dataclass(frozen=True, slots=True, kw_only=True)
class Stream:
    """One row of slots."""

    number: int
    kind: str
    """`vehicle`, `bicycle` or `walker`."""
    d: float
    """Metres right of the centre line."""
    spread_m: float
    """How far to either side a slot may be."""
    spacing_m: float
    share: float
    """Of slots that are taken."""
    speed: float
    """Along the street; negative comes towards the camera, 0 keeps pace with it."""


@dataclass(frozen=True, slots=True, kw_only=True)
class _Slot:
    """Who is in a slot."""

    taken: bool
    offset_m: float
    d: float
    draw: float
    """Uniform in 0 to 1: what kind of thing it is."""
    paint: int
    phase: float
    seed: int


def streams(road: Road, rng: np.random.Generator) -> tuple[Stream, ...]:
    """The traffic of a street: how dense it is differs from seed to seed."""
    lane, layout = road.layout.lane_m, road.layout
    walk_from, walk_to = layout.road_m + layout.verge_m + 1.0, layout.facade_m - 0.6
    walk, spread = (walk_from + walk_to) / 2, max(0.3, (walk_to - walk_from) / 2)
    busy, crowd, bikes = rng.uniform(0.35, 0.85), rng.uniform(0.15, 0.6), rng.uniform(0.1, 0.5)
    fast = float(rng.uniform(7, 12))
    rows: list[tuple[str, float, float, float, float, float]] = [
        ("vehicle", lane / 2, 0.15, 27.0, float(busy), 0.0),
        ("vehicle", -lane / 2, 0.15, 21.0, float(busy), -fast),
        ("bicycle", lane + 0.05, 0.2, 34.0, float(bikes), float(rng.uniform(3.2, 5.5))),
        ("bicycle", -lane - 0.05, 0.2, 34.0, float(bikes), -float(rng.uniform(3.2, 5.5))),
    ]
    for side in (-1, 1):
        rows.append(("walker", side * walk, spread, 7.5, float(crowd), 1.35))
        rows.append(("walker", side * walk, spread, 7.5, float(crowd), -1.25))
    return tuple(
        Stream(number=n, kind=kind, d=d, spread_m=s, spacing_m=gap, share=share, speed=speed)
        for n, (kind, d, s, gap, share, speed) in enumerate(rows)
    )


@lru_cache(maxsize=4096)
def _slot(seed: int, stream: Stream, k: int) -> _Slot:
    rng = np.random.default_rng([seed, 40, stream.number, k + _SLOTS // 2])
    return _Slot(
        taken=rng.random() < stream.share,
        offset_m=float(rng.uniform(-0.28, 0.28)) * stream.spacing_m * (stream.speed != 0.0),
        d=stream.d + float(rng.uniform(-1, 1)) * stream.spread_m,
        draw=float(rng.random()),
        paint=int(rng.integers(len(PAINTS))),
        phase=float(rng.uniform(0, 2 * np.pi)),
        seed=int(rng.integers(1 << 31)),
    )


def _pedalling(slot: _Slot, kind: str, moment: float) -> Sprite:
    phase = slot.phase + (6.5 * moment if kind == "bicycle" else 0.0)
    look = random_look(slot.seed)
    return mounted(kind, slot.paint, look, phase_rad=phase, side_on=False)


def _vehicle(
    slot: _Slot, *, pace: bool, braking: bool, moment: float
) -> tuple[Sprite, tuple[float, float]]:
    """A car, or sometimes a truck, a bus or a motorcycle, and the size of its shadow."""
    if slot.draw < 0.06:
        return _pedalling(slot, "motorcycle", moment), (0.8, 1.9)
    number = BUS if slot.draw < 0.10 else TRUCK if slot.draw < 0.18 else int(slot.draw * 997) % 5
    shape = SHAPES[number]
    patches = vehicle(number, slot.paint, braking=braking and pace)
    return patches, (shape.width + 0.7, shape.length + 0.6)


class Traffic:
    """Everything that moves on one drive."""

    def __init__(self, *, seed: int, road: Road, drive: Drive) -> None:
        self._seed, self._road, self._drive = seed, road, drive
        self._streams = streams(road, np.random.default_rng([seed, 41]))

    def _glide(self, stream: Stream, index: int) -> float:
        """How far a stream has moved along the street."""
        if stream.speed == 0.0:
            return float(self._drive.along_m[index]) + 2.5 * float(np.sin(index * 0.021))
        return stream.speed * index / self._drive.fps

    def around(self, *, window: int, index: int) -> Iterator[Placed]:
        """All that is near the camera at frame `window`, as it is at frame `index`."""
        for stream in self._streams:
            yield from self._stream(stream, window, index)
        origin = float(self._drive.along_m[window])
        for block in self._road.near(origin, behind_m=0.0, ahead_m=_AHEAD_M):
            if block.kind == "crossing":
                halt = next((h for h in self._drive.halts if h.block == block.number), None)
                yield from self._crossing(block.number, halt, index)

    def _stream(self, stream: Stream, window: int, index: int) -> Iterator[Placed]:
        origin = float(self._drive.along_m[window]) - self._glide(stream, window)
        first = int(np.ceil((origin - _BEHIND_M) / stream.spacing_m))
        ahead = _WALKERS_AHEAD_M if stream.kind == "walker" else _AHEAD_M
        last = int((origin + ahead) / stream.spacing_m)
        for k in range(max(first, 1) if stream.speed == 0.0 else first, last + 1):
            slot = _slot(self._seed, stream, k)
            if slot.taken:
                s = k * stream.spacing_m + slot.offset_m + self._glide(stream, index)
                yield self._placed(stream, k, slot, s, index)

    def _placed(self, stream: Stream, k: int, slot: _Slot, s: float, index: int) -> Placed:
        x, z, heading = self._road.pose(s, slot.d)
        moment = index / self._drive.fps
        shadow = (0.7, 0.5)
        if stream.kind == "vehicle":
            patches, shadow = _vehicle(
                slot, pace=stream.speed == 0.0, braking=self._drive.braking(index), moment=moment
            )
            heading += np.pi if stream.speed < 0 else 0.0
        elif stream.kind == "bicycle":
            patches = _pedalling(slot, "bicycle", moment)
        else:
            look = random_look(slot.seed)
            phase = slot.phase + 5.6 * moment
            patches = walker(look, phase_rad=phase, swing=0.24, spread=0.9)
        return place(
            patches,
            at=(x, 0.0, z),
            heading_rad=heading,
            uid=_FIRST_UID + stream.number * _SLOTS + k % _SLOTS,
            instance=512 + stream.number * 40 + k % 40,
            shadow_m=shadow,
        )

    def _crossing(self, number: int, halt: Halt | None, index: int) -> Iterator[Placed]:
        """Signals, people on the zebra while the car waits, and people waiting at the kerb."""
        rng = np.random.default_rng([self._seed, 42, number])
        moment, edge = index / self._drive.fps, self._road.layout.road_m
        start = number * BLOCK_M
        uid = _FIRST_UID + 100 * _SLOTS + number * 32
        red = halt is not None and moment < halt.leaves_s
        for side in (-1, 1):
            s = start + CROSSWALK_M - 2.3 if side > 0 else start + CROSS_STREET_M[1] - 1.0
            x, z, heading = self._road.pose(s, side * (edge + 0.5))
            light = traffic_light(lit=0 if red else 2)
            yield place(light, at=(x, 0.0, z), heading_rad=heading, uid=uid + 16 + side)
        for person in range(int(rng.integers(2, 6))):
            yield self._pedestrian(rng, number, halt, moment, uid + person, person)
        if halt is not None:
            yield from self._cross_traffic(rng, start, halt, moment, uid + 24)

    def _pedestrian(
        self, rng: np.random.Generator, number: int, halt: Halt | None, moment: float, uid: int,
        person: int,
    ) -> Placed:  # fmt: skip
        look, way = random_look(int(rng.integers(1 << 31))), 1 if rng.random() < 0.5 else -1
        speed, wait = float(rng.uniform(1.1, 1.6)), float(rng.uniform(-1.8, 0.0))
        s = number * BLOCK_M + CROSSWALK_M + float(rng.uniform(-1.2, 1.2))
        edge, phase = self._road.layout.road_m + 0.9, float(rng.uniform(0, 6))
        d, swing = -way * (edge + float(rng.uniform(0, 1.0))), 0.0
        if halt is not None:
            clear = self._road.layout.lane_m + 0.6 if way > 0 else -0.6
            walked = way * clear + speed * (moment + wait + 1.8 - halt.leaves_s)
            inside = float(np.clip(walked, way * d, edge))
            swing = 0.48 if way * d < walked < edge else 0.0
            d = way * inside
            phase += 4.2 * walked / speed if swing else 0.0
        x, z, heading = self._road.pose(s, d)
        return place(
            walker(look, phase_rad=phase, swing=swing, spread=0.12 if swing else 0.8),
            at=(x, 0.0, z),
            heading_rad=heading + (np.pi if way < 0 else 0.0),
            uid=uid,
            instance=880 + number % 12 * 8 + person,
            shadow_m=(0.8, 0.6),
        )

    def _cross_traffic(
        self, rng: np.random.Generator, start: float, halt: Halt, moment: float, uid: int
    ) -> Iterator[Placed]:
        """Cars, and a rider, that use the cross street while the camera car waits."""
        for one in range(3):
            way, paint = (1 if one != 1 else -1), int(rng.integers(len(PAINTS)))
            d = way * 7.5 * (moment - halt.leaves_s + 1.0 + 1.1 * one)
            if one == 2:
                d = 4.5 * (moment - halt.leaves_s + 1.4)
            d = float(np.clip(d, -_HIDDEN_M, _HIDDEN_M))
            s = start + sum(CROSS_STREET_M) / 2 + (1.9 if way > 0 else -1.9)
            x, z, heading = self._road.pose(s - (3.4 if one == 2 else 0.0), d)
            look = random_look(int(rng.integers(1 << 31)))
            if one == 2:
                phase = 6.5 * moment
                patches = mounted("bicycle", paint, look, phase_rad=phase, side_on=True)
                turn, shadow = 0.0, (1.8, 0.5)
            else:
                patches, turn, shadow = vehicle(paint % 5, paint), way * np.pi / 2, (2.5, 5.0)
            yield place(
                patches, at=(x, 0.0, z), heading_rad=heading + turn, uid=uid + one,
                instance=980 + one, shadow_m=shadow,
            )  # fmt: skip
