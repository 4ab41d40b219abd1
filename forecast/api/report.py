"""From an evaluation to the report a person opens."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import numpy as np
from numpy.typing import NDArray

from forecast.api.walk import Scored
from forecast.evaluation.compared import Extra
from forecast.evaluation.protocol import Protocol
from forecast.labels import LabelSpace
from forecast.provenance import made_with
from forecast.report.contents import PictureRow, Report
from forecast.report.pictures import picture_row
from forecast.scores import Result, Scores
from forecast.values import Frame


def report_of(
    *,
    protocol: Protocol,
    space: LabelSpace,
    scores: Sequence[Scores],
    looks: Sequence[Scored],
    results: Sequence[Result],
    config: Mapping[str, object],
    notes: Sequence[str],
    extras: Sequence[Extra] = (),
) -> Report:
    """Everything that the files of a report say."""
    return Report(
        title=f"{_named(protocol)}, seen by {protocol.segmenter}",
        space=space,
        protocol=protocol.described(),
        protocol_hash=protocol.hash,
        protocol_words=protocol.in_words(),
        results=results,
        extras={name: words for one in extras for name, words in one.words.items()},
        scores=scores,
        pictures=_picture_rows(looks, protocol.targets[0], space),
        environment=made_with(config),
        notes=notes,
    )


def _named(protocol: Protocol) -> str:
    return protocol.dataset if protocol.split == "all" else f"{protocol.dataset} {protocol.split}"


def _picture_rows(
    looks: Sequence[Scored], target: str, space: LabelSpace
) -> tuple[PictureRow, ...]:
    groups: dict[tuple[str, int, float], list[Scored]] = {}
    for one in looks:
        if one.target == target:
            key = (one.sums.clip, one.sums.origin_index, one.horizon_s)
            groups.setdefault(key, []).append(one)
    return tuple(
        picture_row(
            clip=clip,
            origin_index=origin,
            horizon_s=horizon_s,
            origin_rgb=_picture(group[0].now),
            target_rgb=_picture(group[0].future),
            target_ids=group[0].target_ids,
            predicted_ids={one.predictor: one.labels for one in group},
            space=space,
        )
        for (clip, origin, horizon_s), group in sorted(groups.items(), key=lambda one: one[0])
    )


def _picture(frame: Frame | None) -> NDArray[np.uint8]:
    assert frame is not None
    return frame.rgb.permute(1, 2, 0).contiguous().numpy()
