"""Several runs side by side: each row's difference from the first run, paired by origin.

Does not read files and does not judge whether the runs followed one protocol.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from forecast.confusion import mean_iou, moving_iou
from forecast.evaluation.blocks import Origin, independent_blocks
from forecast.evaluation.rivals import rival_of
from forecast.evaluation.significance import difference, interval, replicates
from forecast.evaluation.summary import aligned
from forecast.labels import LabelSpace
from forecast.scores import Interval, Scores


@dataclass(frozen=True, slots=True, kw_only=True)
class Comparison:
    """One predictor of one run, beside the same predictor of the first run or its rival."""

    run: str
    predictor: str
    target: str
    horizon_s: float
    miou: float
    miou_moving: float
    num_origins: int
    against: str | None
    """Predictor of the first run that it is held against; None for the first run's own rows."""
    num_paired: int
    """Origins that both have; the difference is over these."""
    difference: float | None
    ci95: Interval | None
    note: str
    """What the interval is about, or why there is none."""


def compare(
    runs: Mapping[str, Sequence[Scores]],
    space: LabelSpace,
    *,
    fps_by_clip: Mapping[str, float],
    drive_by_clip: Mapping[str, str] | None = None,
) -> tuple[Comparison, ...]:
    """Every row of every run, by target, horizon and predictor; the first run is the base."""
    base = next(iter(runs.values()), ())
    rows: list[Comparison] = []
    for run, scores in runs.items():
        for one in scores:
            other = None if scores is base else _counterpart(one, base)
            rows.append(_compared(run, one, other, space, fps_by_clip, drive_by_clip or {}))
    order = {run: place for place, run in enumerate(runs)}
    return tuple(
        sorted(rows, key=lambda row: (row.target, row.horizon_s, row.predictor, order[row.run]))
    )


def _counterpart(one: Scores, base: Sequence[Scores]) -> Scores | None:
    beside = {
        other.predictor: other
        for other in base
        if (other.target, other.horizon_s) == (one.target, one.horizon_s)
    }
    if one.predictor in beside:
        return beside[one.predictor]
    mious = {name: mean_iou(aligned(other)[1].sum(axis=0)) for name, other in beside.items()}
    rival = rival_of(mious)
    return None if rival is None else beside[rival]


def _compared(
    run: str,
    one: Scores,
    other: Scores | None,
    space: LabelSpace,
    fps_by_clip: Mapping[str, float],
    drive_by_clip: Mapping[str, str],
) -> Comparison:
    origins, counts = aligned(one)
    total = counts.sum(axis=0)
    shared, ours, theirs = (), counts[:0], counts[:0]
    if other is not None:
        shared, ours, theirs = _paired(origins, counts, other)
    above = ci95 = None
    note = "" if other is None else "no origin in common"
    if shared:
        blocks = independent_blocks(
            shared, (ours, theirs), fps_by_clip=fps_by_clip, drive_by_clip=drive_by_clip
        )
        note = blocks.note
        above = mean_iou(ours.sum(axis=0)) - mean_iou(theirs.sum(axis=0))
        ci95 = interval(difference(replicates(blocks, ours), replicates(blocks, theirs)))
    return Comparison(
        run=run,
        predictor=one.predictor,
        target=one.target,
        horizon_s=one.horizon_s,
        miou=mean_iou(total),
        miou_moving=moving_iou(total, space),
        num_origins=len(origins),
        against=None if other is None else other.predictor,
        num_paired=len(shared),
        difference=above,
        ci95=ci95,
        note=note,
    )


def _paired(
    origins: Sequence[Origin], counts: NDArray[np.int64], other: Scores
) -> tuple[tuple[Origin, ...], NDArray[np.int64], NDArray[np.int64]]:
    other_origins, other_counts = aligned(other)
    places = {origin: place for place, origin in enumerate(other_origins)}
    mine = [place for place, origin in enumerate(origins) if origin in places]
    shared = tuple(origins[place] for place in mine)
    return shared, counts[mine], other_counts[[places[origin] for origin in shared]]
