"""Counts by origin in `sums.npz`, and reports read back so that runs can be compared.

Axes: N origins, K classes.
"""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from io import BytesIO
from pathlib import Path
from typing import Any
from zipfile import BadZipFile

import numpy as np
from numpy.typing import NDArray

from forecast.errors import OpenError, UsageError
from forecast.labels import SPACES, LabelSpace, context_space
from forecast.scores import Scores, SnippetSums

SCHEMA = "segmentation-forecast/report/1"
REPORT_NAME = "report.json"
SUMS_NAME = "sums.npz"


@dataclass(frozen=True, slots=True, kw_only=True)
class SavedReport:
    """A report as it lies on disk."""

    path: Path
    title: str
    protocol: Mapping[str, Any]
    protocol_hash: str
    space: LabelSpace
    scores: tuple[Scores, ...]


def packed_sums(scores: Sequence[Scores]) -> bytes:
    """All counts as one compressed npz; the same scores give the same bytes."""
    arrays: dict[str, NDArray[Any]] = {}
    heads: list[dict[str, object]] = []
    for place, one in enumerate(scores):
        names = sorted({sums.clip for sums in one.sums})
        heads.append(
            {
                "predictor": one.predictor,
                "target": one.target,
                "horizon_s": one.horizon_s,
                "served_s": one.served_s,
                "steps": one.steps,
                "clips": names,
            }
        )
        places = {name: index for index, name in enumerate(names)}
        arrays[f"clip_{place}"] = np.array([places[sums.clip] for sums in one.sums], np.int32)
        arrays[f"origin_{place}"] = np.array([sums.origin_index for sums in one.sums], np.int64)
        arrays[f"confusion_{place}"] = np.array([sums.confusion for sums in one.sums], np.int64)
    arrays["heads"] = np.frombuffer(json.dumps(heads, sort_keys=True).encode(), np.uint8)
    buffer = BytesIO()
    np.savez_compressed(buffer, allow_pickle=False, **arrays)
    return buffer.getvalue()


def unpacked_sums(packed: bytes) -> tuple[Scores, ...]:
    """The scores that were packed, without their extras."""
    with np.load(BytesIO(packed), allow_pickle=False) as arrays:
        heads = json.loads(arrays["heads"].tobytes())
        return tuple(_scores(head, place, arrays) for place, head in enumerate(heads))


def _scores(head: Mapping[str, Any], place: int, arrays: Mapping[str, NDArray[Any]]) -> Scores:
    rows = zip(
        arrays[f"clip_{place}"].tolist(),
        arrays[f"origin_{place}"].tolist(),
        arrays[f"confusion_{place}"],
        strict=True,
    )
    return Scores(
        predictor=head["predictor"],
        target=head["target"],
        horizon_s=head["horizon_s"],
        served_s=head["served_s"],
        steps=head["steps"],
        sums=tuple(
            SnippetSums(clip=head["clips"][clip], origin_index=origin, confusion=counts)
            for clip, origin, counts in rows
        ),
    )


def read_report(path: Path) -> SavedReport:
    """A report from its folder or its report.json, with the counts beside it.

    Raises:
        OpenError: A file is missing, damaged, or of another schema.
    """
    described = path / REPORT_NAME if path.is_dir() else path
    packed = described.with_name(SUMS_NAME)
    try:
        content = json.loads(described.read_text(encoding="utf-8"))
        scores = unpacked_sums(packed.read_bytes())
    except FileNotFoundError as fault:
        raise OpenError(
            f"{fault.filename} is missing; a comparison needs {REPORT_NAME} and {SUMS_NAME} of a "
            "finished evaluation: give its folder"
        ) from fault
    except (OSError, ValueError, KeyError, BadZipFile) as fault:
        raise OpenError(
            f"{described.parent} holds a damaged report ({fault}); run the evaluation again"
        ) from fault
    found = content.get("schema") if isinstance(content, dict) else None
    if found != SCHEMA:
        raise OpenError(
            f"{described} has schema {found!r}, needed {SCHEMA!r}; run the evaluation again"
        )
    return SavedReport(
        path=described.parent,
        title=content["title"],
        protocol=content["protocol"],
        protocol_hash=content["protocol"]["hash"],
        space=_space(content),
        scores=scores,
    )


def _space(content: Mapping[str, Any]) -> LabelSpace:
    """The classes of a report; those of a list beside the data are known from the report alone."""
    known = SPACES.get(content["label_space"])
    return known or context_space(content["label_space"], content["classes"], void_id=65535)


def require_same_protocol(reports: Sequence[SavedReport]) -> None:
    """Raise unless all followed one protocol.

    Raises:
        UsageError: Two did not; the message names the rules that differ.
    """
    first = reports[0]
    for other in reports[1:]:
        if other.protocol_hash == first.protocol_hash:
            continue
        names = sorted(set(first.protocol) | set(other.protocol))
        differing = [
            name
            for name in names
            if name != "hash" and first.protocol.get(name) != other.protocol.get(name)
        ]
        raise UsageError(
            f"{first.path} follows protocol {first.protocol_hash} and {other.path} "
            f"{other.protocol_hash}; they differ in {', '.join(differing)}: evaluate "
            "both alike"
        )
