"""Which origins are independent of each other: the blocks that intervals are made from.

Promises that no interval rests on fewer than six blocks. Within one clip a block is a run of
neighbouring origins, long against the time over which scores stay alike; across drives it is a
whole drive. Says nothing of what is computed from the blocks.
Axes: N origins, K classes, B blocks.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from math import ceil, e, log

import numpy as np
from jaxtyping import Float, Int64

from forecast.confusion import parts, ratio
from forecast.scores import TOO_SHORT

FEWEST_BLOCKS = 6
MOST_BLOCKS = 12
"""More of one clip would be shorter, and less independent, for hardly a narrower interval."""
FEWEST_DRIVES = 8
"""Drives differ more than parts of one do: with fewer, a pooled interval promises too much."""
BLOCK_S = 1.0
CORRELATION_TIMES = 10
"""In a block: benchmarks/interval_coverage.py shows what fewer would cover."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Origin:
    """Which origin a row of counts belongs to."""

    clip: str
    index: int


@dataclass(frozen=True, slots=True, kw_only=True)
class Blocks:
    """How origins fall into blocks, and what an interval from them is about."""

    targets: Float[np.ndarray, "B K"] | None
    """Target pixels of every class; the same for all predictors. None if there is no interval."""
    membership: Float[np.ndarray, "B N"] | None
    """1 where the origin is in the block."""
    note: str


def independent_blocks(
    origins: Sequence[Origin],
    rows: Sequence[Int64[np.ndarray, "N K K"]],
    *,
    fps_by_clip: Mapping[str, float],
    drive_by_clip: Mapping[str, str],
) -> Blocks:
    """The blocks for all predictors that were scored on these origins.

    Args:
        origins: In the order of the counts; within a clip, in temporal order.
        rows: Counts of every predictor that is to be judged, on the same targets.
        fps_by_clip: Frames a second, for the length of a block.
        drive_by_clip: Drive of each clip; a clip that is not named is its own drive.
    """
    if not origins:
        return _none("no origins")
    drives = [drive_by_clip.get(one.clip, one.clip) for one in origins]
    names, members = np.unique(np.asarray(drives), return_inverse=True)
    if len(names) >= FEWEST_DRIVES:
        return _built(members, rows[0], f"across {len(names)} drives")
    if len({one.clip for one in origins}) > 1:
        are = "drive is" if len(names) == 1 else "drives are"
        return _none(
            f"{TOO_SHORT}: {len(names)} {are} too few for a pooled interval, {FEWEST_DRIVES} are "
            "needed; see the sequences"
        )
    return _within(origins, rows, fps_by_clip.get(origins[0].clip, 1.0))


def _within(
    origins: Sequence[Origin], rows: Sequence[Int64[np.ndarray, "N K K"]], fps: float
) -> Blocks:
    spacing_s = _spacing([one.index for one in origins]) / fps
    length = block_length([one.index for one in origins], rows, fps)
    num_blocks = min(MOST_BLOCKS, len(origins) // length)
    if num_blocks < FEWEST_BLOCKS:
        are = "origin lasts" if len(origins) == 1 else "origins last"
        return _none(
            f"this sequence only, and {TOO_SHORT}: {FEWEST_BLOCKS} blocks of "
            f"{length * spacing_s:.1f} s are needed, and {len(origins)} {are} "
            f"{len(origins) * spacing_s:.1f} s"
        )
    members = np.arange(len(origins)) * num_blocks // len(origins)
    return _built(members, rows[0], "this sequence only")


def _none(note: str) -> Blocks:
    return Blocks(targets=None, membership=None, note=note)


def _built(
    members: Int64[np.ndarray, " N"], counts: Int64[np.ndarray, "N K K"], note: str
) -> Blocks:
    membership = (members == np.arange(members.max() + 1)[:, None]).astype(np.float64)
    targets = membership @ counts.sum(axis=2)
    if not ((targets > 0).sum(axis=0) > 1).any():
        return _none(f"{TOO_SHORT}: no class is seen in two blocks")
    return Blocks(targets=targets, membership=membership, note=note)


def _spacing(indices: Sequence[int]) -> float:
    """Source frames from one origin to the next."""
    if len(indices) < 2:
        return 1.0
    return max(1.0, float(np.median(np.diff(np.asarray(indices)))))


def block_length(
    indices: Sequence[int], rows: Sequence[Int64[np.ndarray, "N K K"]], fps: float
) -> int:
    """Origins in a block: at least a second, and ten times the time that scores stay alike."""
    second = BLOCK_S * fps / _spacing(indices)
    alike = CORRELATION_TIMES * max(correlation_length(one) for one in rows)
    return max(1, ceil(max(second, alike) - 1e-9))


def correlation_length(counts: Int64[np.ndarray, "N K K"]) -> float:
    """Origins after which what one origin does to the IoU of a class is forgotten.

    The lag where the autocorrelation has fallen to 1/e, the mean of all classes taken: one class
    alone is too noisy in a short clip. Between lags the fall is taken as exponential. 0 where
    neighbours are not alike.
    """
    effect = _effects(counts)
    power = (effect**2).sum(axis=0)
    effect = effect[:, power > 0] / np.sqrt(power[power > 0])
    num, kinds = effect.shape
    if kinds == 0 or num < 3:
        return 0.0
    before, lost = 1.0, 0.0
    for lag in range(1, num):
        found = float((effect[lag:] * effect[:-lag]).sum() / kinds)
        if lag == 1:
            # The sample's own mean was taken off, and with it a part of what neighbours share.
            lost = min(0.5, (1 + found) / max(1 - found, 1e-9) / num)
        found += lost * (1 - found)
        if found < 1 / e:
            return _crossing(lag, before, found)
        before = found
    return float(num)


def _crossing(lag: int, before: float, found: float) -> float:
    if lag == 1:
        return -1 / log(found) if found > 0 else 0.0
    fall = log(before) - log(max(found, 1e-3))
    return lag - 1 + (log(before) + 1) / fall


def _effects(counts: Int64[np.ndarray, "N K K"]) -> Float[np.ndarray, "N K"]:
    """How far each origin moves the pooled IoU of each class, to first order."""
    hits, union = parts(counts)
    whole = np.nan_to_num(ratio(hits.sum(axis=0), union.sum(axis=0)))
    return (hits - whole * union) / np.maximum(union.sum(axis=0), 1.0)
