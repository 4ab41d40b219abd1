"""`forecast demo`: the embedded sample, end to end, to a video and a report."""

from __future__ import annotations

from pathlib import Path

from forecast.api.settings import EvaluateSettings, ProcessSettings
from pipelines.evaluate_horizons import evaluate_horizons
from pipelines.process_video import process_video
from pipelines.progress import console


def run_demo(out: Path) -> int:
    """Process and evaluate the sample into `out`, and say what to open.

    Raises:
        StorageError: The folder cannot be written.
    """
    from forecast.sources.find import Dataset
    from forecast.sources.sample import SampleSource

    sample = SampleSource()
    console.print(f"The sample: {sample.num_frames} frames of a rendered street.")
    process_video([sample], out / "process", ProcessSettings())
    dataset = Dataset(
        name="sample", split="all", clips=(sample,), space=sample.space, anchored=False
    )
    evaluate_horizons(
        dataset, out / "report", EvaluateSettings(horizons=(0.18, 0.53, 1.0), every=8)
    )
    console.print()
    console.print(f"Now and forecast, as a video: {out / 'process' / sample.clip}.mp4")
    console.print(f"How far to trust it:          {out / 'report' / 'report.html'}")
    return 0
