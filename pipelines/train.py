"""`forecast train`: the same run on a terminal, in a log, or under torchrun."""

from __future__ import annotations

from pathlib import Path

from forecast.api.train import train
from forecast.training.fit import Progress
from forecast.training.ranks import joined_group
from forecast.training.run import Audience
from forecast.training.settings import PredictorRun, SegmenterRun
from pipelines.progress import console

_SAY_EVERY = 20


def run_training(out: Path, settings: PredictorRun | SegmenterRun) -> int:
    """Train, and say where the weights are.

    Raises:
        UsageError: A setting, or what the data cannot give.
        OpenError: A source or some weights cannot be read.
    """
    weights = train(settings, out, audience=_AUDIENCE)
    _print(f"weights: {weights}")
    return 0


def _say(progress: Progress) -> None:
    if progress.step % _SAY_EVERY and progress.step != progress.steps:
        return
    listed = ", ".join(f"{name} {value:.3f}" for name, value in progress.values.items())
    console.print(
        f"step {progress.step} of {progress.steps}, {progress.eta_s / 60:.1f} min left: {listed}"
    )


def _print(line: str) -> None:
    if joined_group()[0] == 0:
        console.print(line)


_AUDIENCE = Audience(report=_say, say=_print)
