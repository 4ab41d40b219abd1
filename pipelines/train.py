"""`forecast train`: the same run on a terminal, in a log, or under torchrun."""

from __future__ import annotations

from collections.abc import Callable
from functools import cache, partial
from pathlib import Path

from forecast import catalogue
from forecast.device import place
from forecast.memory import keep_freed_memory
from forecast.stages import Segmenter
from forecast.training.data.specs import located
from forecast.training.fit import Progress
from forecast.training.predictor import train_predictor
from forecast.training.ranks import joined_group
from forecast.training.run import Audience
from forecast.training.segmenter import train_segmenter
from forecast.training.settings import RunSettings
from pipelines.progress import console
from pipelines.train_settings import TrainPredictorSettings, TrainSegmenterSettings

_SAY_EVERY = 20


def run_train_predictor(out: Path, settings: TrainPredictorSettings) -> int:
    """Train, and say where the weights are.

    Raises:
        UsageError: A setting, or what the data cannot give.
        OpenError: A source or some weights cannot be read.
    """
    keep_freed_memory()
    weights = train_predictor(
        settings,
        out=out,
        teacher=_teacher(settings),
        audience=_AUDIENCE,
    )
    _print(f"weights: {weights}")
    return 0


def run_train_segmenter(out: Path, settings: TrainSegmenterSettings) -> int:
    """Train, and say where the weights are.

    Raises:
        UsageError: A setting, or what the data cannot give.
        OpenError: A source or some weights cannot be read.
    """
    keep_freed_memory()
    weights = train_segmenter(
        settings,
        out=out,
        teacher=None if (teacher := _teacher(settings)) is None else teacher(),
        audience=_AUDIENCE,
    )
    _print(f"weights: {weights}")
    return 0


def _teacher(settings: RunSettings) -> Callable[[], Segmenter] | None:
    """What builds the teacher when it is first asked for; clips may all be annotated."""
    name, weights = settings.teacher, settings.teacher_weights
    if name is None:
        return None
    found = None if weights is None else Path(located(str(weights)))
    return cache(partial(catalogue.build_segmenter, name, placement=place(), weights=found))


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
