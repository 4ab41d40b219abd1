"""`forecast compare`: several runs side by side, paired by origin."""

from __future__ import annotations

import csv
from collections.abc import Sequence
from dataclasses import asdict
from io import StringIO
from pathlib import Path

from rich.table import Table

from forecast.evaluation.comparison import Comparison, compare
from forecast.files import replace_file, storage_faults
from forecast.provenance import write_json
from forecast.report.saved import read_report, require_same_protocol
from forecast.scores import TOO_SHORT
from pipelines.progress import console


def compare_reports(folders: Sequence[Path], out: Path) -> int:
    """Write comparison.json and comparison.csv, and print the table.

    Raises:
        OpenError: A folder holds no report.
        UsageError: The reports followed different protocols.
    """
    saved = [read_report(folder) for folder in folders]
    require_same_protocol(saved)
    rows = compare(
        {str(folder): one.scores for folder, one in zip(folders, saved, strict=True)},
        saved[0].space,
        fps_by_clip=saved[0].protocol["fps_by_clip"],
        drive_by_clip=saved[0].protocol["drive_by_clip"],
    )
    write_json(out / "comparison.json", [asdict(row) for row in rows])
    _write_csv(out / "comparison.csv", rows)
    _show(rows)
    console.print(f"comparison: {out / 'comparison.json'}")
    return 0


def _write_csv(path: Path, rows: Sequence[Comparison]) -> None:
    text = StringIO(newline="")
    writer = csv.writer(text)
    for place, row in enumerate(asdict(one) for one in rows):
        interval = row.pop("ci95") or {"low": None, "high": None}
        row |= {"ci95_low": interval["low"], "ci95_high": interval["high"]}
        if place == 0:
            writer.writerow(row)
        writer.writerow(row.values())
    with storage_faults(path):
        replace_file(path, text.getvalue().encode())


def _show(rows: Sequence[Comparison]) -> None:
    table = Table(
        "target", "horizon", "predictor", "run", "mIoU / moving, %", "difference", box=None
    )
    for row in rows:
        difference = ""
        if row.difference is not None:
            difference = f"{100 * row.difference:+.2f}"
        if row.ci95 is not None:
            difference += f" [{100 * row.ci95.low:+.2f}, {100 * row.ci95.high:+.2f}]"
        elif row.difference is not None:
            difference += f" ({TOO_SHORT})"
        table.add_row(
            row.target,
            f"{row.horizon_s:g} s",
            row.predictor,
            row.run,
            f"{100 * row.miou:.1f} / {100 * row.miou_moving:.1f}",
            difference,
        )
    console.print(table)
    for note in dict.fromkeys(row.note for row in rows if row.difference is not None):
        console.print(f"intervals: {note}", soft_wrap=True)
