"""Paired 95 % intervals by resampling origins, never pixels.

Promises that predictors are resampled together: one draw of origins serves every row, so that
differences are paired. Within one clip whole blocks of time are drawn; across drives, whole drives.
Axes: R resamples, N origins, K classes.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from math import ceil

import numpy as np
from jaxtyping import Float, Int64
from numpy.typing import NDArray

from forecast.confusion import mean_over, parts, ratio
from forecast.scores import Interval

NUM_RESAMPLES = 1000
FEWEST_DRIVES = 8
"""With fewer, a bootstrap over drives promises more than it knows."""
BLOCK_S = 1.0


@dataclass(frozen=True, slots=True, kw_only=True)
class Origin:
    """Which origin a row of counts belongs to."""

    clip: str
    index: int


@dataclass(frozen=True, slots=True, kw_only=True)
class Resampling:
    """How often each origin is drawn, and what an interval from it is about."""

    weights: Float[np.ndarray, "R N"] | None
    """None where the origins are too few for an interval."""
    note: str


def resampling(
    origins: Sequence[Origin],
    *,
    fps_by_clip: Mapping[str, float],
    drive_by_clip: Mapping[str, str],
    seed: int = 0,
    num_resamples: int = NUM_RESAMPLES,
) -> Resampling:
    """One draw for all predictors that were scored on these origins.

    Args:
        origins: In the order of the rows of counts; within a clip, in temporal order.
        fps_by_clip: Frames a second, for the length of a block.
        drive_by_clip: Drive of each clip; a clip that is not named is its own drive.
        seed: Of the generator; the same seed draws the same origins.
        num_resamples: R.
    """
    rng = np.random.default_rng(seed)
    clips = sorted({one.clip for one in origins})
    drives = [drive_by_clip.get(one.clip, one.clip) for one in origins]
    num_drives = len(set(drives))
    if num_drives >= FEWEST_DRIVES:
        weights = cluster_weights(drives, rng=rng, num_resamples=num_resamples)
        return Resampling(weights=weights, note=f"across {num_drives} drives")
    if len(clips) > 1:
        note = f"{num_drives} drives are too few for a pooled interval; see the sequences"
        if num_drives == 1:
            note = "one drive is too few for a pooled interval; see the sequences"
        return Resampling(weights=None, note=note)
    if not clips:
        return Resampling(weights=None, note="no origins")
    return _within(origins, fps_by_clip.get(clips[0], 1.0), rng, num_resamples)


def _within(
    origins: Sequence[Origin], fps: float, rng: np.random.Generator, num_resamples: int
) -> Resampling:
    block = block_length([one.index for one in origins], fps)
    if len(origins) < 2 * block:
        note = f"this sequence only, and too short for an interval ({len(origins)} origins)"
        return Resampling(weights=None, note=note)
    weights = moving_block_weights(len(origins), block, rng=rng, num_resamples=num_resamples)
    return Resampling(weights=weights, note="this sequence only")


def block_length(indices: Sequence[int], fps: float) -> int:
    """Origins in a block of at least one second."""
    if len(indices) < 2:
        return 1
    spacing = max(1.0, float(np.median(np.diff(np.asarray(indices)))))
    return max(1, ceil(BLOCK_S * fps / spacing - 1e-9))


def moving_block_weights(
    num_origins: int, block: int, *, rng: np.random.Generator, num_resamples: int
) -> Float[np.ndarray, "R N"]:
    """Counts of each origin when runs of `block` neighbours are drawn until N are reached.

    The moving-block bootstrap of Kuensch (1989): neighbours in time are alike, and stay together.
    """
    num_blocks = ceil(num_origins / block)
    starts = rng.integers(0, num_origins - block + 1, (num_resamples, num_blocks))
    drawn = (starts[:, :, None] + np.arange(block)).reshape(num_resamples, -1)[:, :num_origins]
    return _counted(drawn, num_origins)


def cluster_weights(
    drives: Sequence[str], *, rng: np.random.Generator, num_resamples: int
) -> Float[np.ndarray, "R N"]:
    """Counts of each origin when whole drives are drawn with replacement."""
    names, members = np.unique(np.asarray(drives), return_inverse=True)
    drawn = rng.integers(0, len(names), (num_resamples, len(names)))
    return _counted(drawn, len(names))[:, members]


def _counted(drawn: NDArray[np.int64], num: int) -> Float[np.ndarray, "R N"]:
    rows = np.arange(len(drawn))[:, None] * num
    counts = np.bincount((drawn + rows).ravel(), minlength=len(drawn) * num)
    return counts.reshape(len(drawn), num).astype(np.float64)


def resampled_miou(
    weights: Float[np.ndarray, "R N"],
    confusions: Int64[np.ndarray, "N K K"],
    ids: Sequence[int] | None = None,
) -> Float[np.ndarray, " R"]:
    """Pooled mIoU of every resample, over all classes or those of `ids`."""
    intersection, union = parts(confusions)
    return mean_over(ratio(weights @ intersection, weights @ union), ids)


def interval(values: Float[np.ndarray, " R"] | None) -> Interval | None:
    """The middle 95 % of resampled values; None where fewer than half are defined."""
    if values is None:
        return None
    defined = values[np.isfinite(values)]
    if len(defined) * 2 < len(values):
        return None
    low, high = np.quantile(defined, (0.025, 0.975))
    return Interval(low=float(low), high=float(high))


def skill(model: float, copy: float, ceiling: float) -> float | None:
    """(model - copy) / (ceiling - copy); None where the ceiling is not above the copy."""
    room = ceiling - copy
    return (model - copy) / room if room > 0 else None


def resampled_skill(
    model: Float[np.ndarray, " R"],
    copy: Float[np.ndarray, " R"],
    ceiling: Float[np.ndarray, " R"],
) -> Float[np.ndarray, " R"]:
    """Skill of every resample; NaN where the ceiling is not above the copy."""
    room = ceiling - copy
    undefined = np.full(room.shape, np.nan)
    return np.divide(model - copy, room, out=undefined, where=room > 0)
