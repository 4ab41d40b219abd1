"""The files of a report: report.json, scores.csv, sums.npz and report.html.

Each is written beside its place and then moved there, so that none is ever half there.
"""

from __future__ import annotations

import csv
import json
from collections.abc import Sequence
from dataclasses import asdict
from io import StringIO
from pathlib import Path
from typing import Any

from forecast.errors import StorageError
from forecast.files import replace_file
from forecast.report.contents import Report, plain
from forecast.report.page import rendered
from forecast.report.saved import REPORT_NAME, SCHEMA, SUMS_NAME, packed_sums
from forecast.scores import Interval, Result

_CSV_INTERVALS = ("ci95", "ci95_moving", "gain_ci95", "skill_ci95")
_CSV_PLAIN = (
    "predictor",
    "target",
    "horizon_s",
    "served_s",
    "steps",
    "num_origins",
    "miou",
    "miou_moving",
    "rival",
    "gain",
    "skill",
)


def write_report(folder: Path, report: Report) -> Path:
    """The path of report.html, once all four files are in the folder.

    Raises:
        StorageError: The folder cannot be made or written.
    """
    contents = {
        SUMS_NAME: packed_sums(report.scores),
        "scores.csv": as_csv(report.results).encode(),
        "report.html": rendered(report).encode(),
        REPORT_NAME: as_json(report).encode(),
    }
    try:
        folder.mkdir(parents=True, exist_ok=True)
        for name, content in contents.items():
            replace_file(folder / name, content)
    except OSError as fault:
        raise StorageError(
            f"{folder} cannot be written ({fault.strerror}); free space or choose another folder"
        ) from fault
    return folder / "report.html"


def as_json(report: Report) -> str:
    """report.json; docs/report.md says what each field means."""
    content = {
        "schema": SCHEMA,
        "title": report.title,
        "label_space": report.space.name,
        "classes": list(report.space.names),
        "moving": [report.space.names[index] for index in report.space.moving_ids],
        "protocol": {**report.protocol, "hash": report.protocol_hash},
        "results": [result_fields(one) for one in report.results],
        "notes": list(report.notes),
        "environment": report.environment,
    }
    return json.dumps(plain(content), indent=1, allow_nan=False, ensure_ascii=False) + "\n"


def result_fields(result: Result) -> dict[str, Any]:
    """A result as it stands in report.json: intervals are [low, high]."""
    fields = asdict(result)
    for name in _CSV_INTERVALS:
        fields[name] = _bounds(getattr(result, name))
    for row, one in zip(fields["sequences"], result.sequences, strict=True):
        row["ci95"] = _bounds(one.ci95)
    return fields


def _bounds(interval: Interval | None) -> list[float] | None:
    return None if interval is None else [interval.low, interval.high]


def as_csv(results: Sequence[Result]) -> str:
    """scores.csv: one line a result, fractions, empty where undefined."""
    text = StringIO()
    classes = list(dict.fromkeys(name for one in results for name in one.per_class))
    extras = list(dict.fromkeys(name for one in results for name in one.extras))
    bounds = [f"{name}_{end}" for name in _CSV_INTERVALS for end in ("low", "high")]
    writer = csv.writer(text, lineterminator="\n")
    writer.writerow([*_CSV_PLAIN, *bounds, *extras, *(f"iou {name}" for name in classes)])
    for one in results:
        ends = [
            end for name in _CSV_INTERVALS for end in _bounds(getattr(one, name)) or (None, None)
        ]
        per_class = [one.per_class.get(name) for name in classes]
        named = [getattr(one, name) for name in _CSV_PLAIN]
        further = [one.extras.get(name) for name in extras]
        writer.writerow([plain(cell) for cell in [*named, *ends, *further, *per_class]])
    return text.getvalue()
