"""Scores in, the rows of a report out: pooled figures, intervals, gains over the rival, skill.

Promises that every row at one target and horizon was scored on the same origins.
Axes: N origins, K classes.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np
from jaxtyping import Int64
from numpy.typing import NDArray

from forecast.confusion import iou, mean_iou, moving_iou
from forecast.errors import UsageError
from forecast.evaluation.blocks import Blocks, Origin, independent_blocks
from forecast.evaluation.rivals import CEILING, COPY, is_reference, rival_of
from forecast.evaluation.significance import (
    Replicates,
    difference,
    interval,
    replicates,
    skill,
    skill_replicates,
)
from forecast.labels import LabelSpace
from forecast.scores import Interval, Result, Scores, SequenceResult


@dataclass(frozen=True, slots=True, kw_only=True)
class _Row:
    scores: Scores
    counts: Int64[np.ndarray, "N K K"]
    miou: float
    left: Replicates | None
    left_moving: Replicates | None


@dataclass(frozen=True, slots=True, kw_only=True)
class _Part:
    """One clip of a group."""

    members: Sequence[int]
    blocks: Blocks


@dataclass(frozen=True, slots=True, kw_only=True)
class _Group:
    """All rows of one target and horizon."""

    origins: tuple[Origin, ...]
    rows: Mapping[str, _Row]
    blocks: Blocks
    by_clip: Mapping[str, _Part]
    rival: str | None
    space: LabelSpace


def summarise(
    scores: Sequence[Scores],
    space: LabelSpace,
    *,
    fps_by_clip: Mapping[str, float],
    drive_by_clip: Mapping[str, str] | None = None,
) -> list[Result]:
    """One result for each of the scores, in their order.

    Args:
        scores: Every predictor, target and horizon of one evaluation.
        space: The classes of their confusions.
        fps_by_clip: Frames a second, for the length of a block.
        drive_by_clip: Drive of each clip; a clip that is not named is its own drive.

    Raises:
        UsageError: Predictors at one target and horizon were scored on different origins.
    """
    groups: dict[tuple[str, float], list[Scores]] = {}
    for one in scores:
        groups.setdefault((one.target, one.horizon_s), []).append(one)
    built = {
        key: _group(members, space, fps_by_clip, drive_by_clip or {})
        for key, members in groups.items()
    }
    return [_result(one.predictor, built[one.target, one.horizon_s]) for one in scores]


def aligned(scores: Scores) -> tuple[tuple[Origin, ...], Int64[np.ndarray, "N K K"]]:
    """Origins by clip and time, and their counts in that order."""
    ordered = sorted(scores.sums, key=lambda one: (one.clip, one.origin_index))
    origins = tuple(Origin(clip=one.clip, index=one.origin_index) for one in ordered)
    if not ordered:
        raise UsageError(
            f"{scores.predictor} has no origins at {scores.horizon_s:g} s; the clips are too short "
            "for this horizon: ask for shorter ones"
        )
    return origins, np.stack([one.confusion for one in ordered])


def _group(
    members: Sequence[Scores],
    space: LabelSpace,
    fps_by_clip: Mapping[str, float],
    drive_by_clip: Mapping[str, str],
) -> _Group:
    pairs = [aligned(one) for one in members]
    origins = pairs[0][0]
    for one, (others, _) in zip(members, pairs, strict=True):
        if others != origins:
            raise UsageError(
                f"{one.predictor} was scored on {len(others)} origins and {members[0].predictor} "
                f"on {len(origins)} others at {one.horizon_s:g} s; score both on the same ones"
            )
    counts = [found for _, found in pairs]
    blocks = independent_blocks(
        origins, counts, fps_by_clip=fps_by_clip, drive_by_clip=drive_by_clip
    )
    rows = {
        one.predictor: _row(one, found, blocks, space)
        for one, found in zip(members, counts, strict=True)
    }
    return _Group(
        origins=origins,
        rows=rows,
        blocks=blocks,
        by_clip=_parts(origins, counts, fps_by_clip),
        rival=rival_of({name: row.miou for name, row in rows.items()}),
        space=space,
    )


def _parts(
    origins: Sequence[Origin],
    counts: Sequence[NDArray[np.int64]],
    fps_by_clip: Mapping[str, float],
) -> dict[str, _Part]:
    clips: dict[str, list[int]] = {}
    for index, origin in enumerate(origins):
        clips.setdefault(origin.clip, []).append(index)
    return {
        clip: _Part(
            members=members,
            blocks=independent_blocks(
                [origins[index] for index in members],
                [found[members] for found in counts],
                fps_by_clip=fps_by_clip,
                drive_by_clip={},
            ),
        )
        for clip, members in clips.items()
    }


def _row(scores: Scores, counts: NDArray[np.int64], blocks: Blocks, space: LabelSpace) -> _Row:
    return _Row(
        scores=scores,
        counts=counts,
        miou=mean_iou(counts.sum(axis=0)),
        left=replicates(blocks, counts),
        left_moving=replicates(blocks, counts, space.moving_ids),
    )


def _result(name: str, group: _Group) -> Result:
    row, space = group.rows[name], group.space
    total = row.counts.sum(axis=0)
    gain, gain_ci95 = _gain(name, group)
    row_skill, skill_ci95 = _skill(row, group)
    sequences = _sequences(name, group)
    gains = [one.gain for one in sequences if one.gain is not None]
    return Result(
        predictor=name,
        target=row.scores.target,
        horizon_s=row.scores.horizon_s,
        served_s=row.scores.served_s,
        steps=row.scores.steps,
        num_origins=len(group.origins),
        miou=row.miou,
        miou_moving=moving_iou(total, space),
        per_class=dict(zip(space.names, iou(total).tolist(), strict=True)),
        ci95=interval(row.left, lowest=0.0, highest=1.0),
        ci95_moving=interval(row.left_moving, lowest=0.0, highest=1.0),
        skill=row_skill,
        skill_ci95=skill_ci95,
        is_reference=is_reference(name),
        rival=group.rival,
        gain=gain,
        gain_ci95=gain_ci95,
        interval_note=group.blocks.note,
        wins=sum(one > 0 for one in gains),
        losses=sum(one < 0 for one in gains),
        sequences=sequences,
        extras=dict(row.scores.extras or {}),
    )


def _gain(name: str, group: _Group) -> tuple[float | None, Interval | None]:
    if group.rival is None or name in (group.rival, CEILING):
        return None, None
    row, rival = group.rows[name], group.rows[group.rival]
    return row.miou - rival.miou, interval(difference(row.left, rival.left))


def _skill(row: _Row, group: _Group) -> tuple[float | None, Interval | None]:
    copy, ceiling = group.rows.get(COPY), group.rows.get(CEILING)
    if copy is None or ceiling is None:
        return None, None
    value = skill(row.miou, copy.miou, ceiling.miou)
    return value, interval(skill_replicates(row.left, copy.left, ceiling.left))


def _sequences(name: str, group: _Group) -> tuple[SequenceResult, ...]:
    return tuple(_sequence(name, group, clip, part) for clip, part in group.by_clip.items())


def _sequence(name: str, group: _Group, clip: str, part: _Part) -> SequenceResult:
    counts = group.rows[name].counts[part.members]
    gain = None
    total = counts.sum(axis=0)
    if group.rival is not None and name not in (group.rival, CEILING):
        rival = group.rows[group.rival].counts[part.members].sum(axis=0)
        gain = mean_iou(total) - mean_iou(rival)
    return SequenceResult(
        clip=clip,
        num_origins=len(part.members),
        miou=mean_iou(total),
        miou_moving=moving_iou(total, group.space),
        ci95=interval(replicates(part.blocks, counts), lowest=0.0, highest=1.0),
        interval_note=part.blocks.note,
        gain=gain,
    )
