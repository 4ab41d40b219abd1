"""`forecast evaluate`: score, say in a table what was found, and where the report is."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

from rich.table import Table

from forecast.api.evaluation import evaluate
from forecast.api.settings import EvaluateSettings
from forecast.report.reach import interval_words
from forecast.scores import Result
from forecast.sources.find import Dataset
from pipelines.progress import console, progress


def evaluate_horizons(data: str | Dataset, out: Path, settings: EvaluateSettings) -> int:
    """Evaluate, write the report into `out`, and say where it is.

    Raises:
        UsageError: A name, a target or a horizon does not fit the data.
        OpenError: The data or some weights cannot be read.
    """
    found = evaluate(data, out, settings, watch=progress)
    show_results(found.report.results)
    console.print(f"report: {found.page}")
    return 0


def show_results(results: Sequence[Result]) -> None:
    """Print one table a target: predictors down, horizons across, mIoU / moving in percent."""
    for target in dict.fromkeys(one.target for one in results):
        rows = [one for one in results if one.target == target]
        horizons = sorted({one.horizon_s for one in rows})
        table = Table(title=f"mIoU / moving, %, target {target}", title_justify="left", box=None)
        table.add_column("predictor")
        for horizon_s in horizons:
            origins = next(one.num_origins for one in rows if one.horizon_s == horizon_s)
            table.add_column(f"{horizon_s:g} s (n={origins})", justify="right")
        for name in dict.fromkeys(one.predictor for one in rows):
            cells = {one.horizon_s: one for one in rows if one.predictor == name}
            table.add_row(name, *(_cell(cells.get(horizon_s)) for horizon_s in horizons))
        console.print(table)
        console.print(f"intervals in the report: {interval_words(rows)}", soft_wrap=True)


def _cell(result: Result | None) -> str:
    if result is None:
        return "-"
    return f"{100 * result.miou:.1f} / {100 * result.miou_moving:.1f}"
