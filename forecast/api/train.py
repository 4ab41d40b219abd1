"""Training from data that is named to a file of weights with its card."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from functools import cache, partial
from pathlib import Path

from forecast import catalogue
from forecast.api.settings import checked
from forecast.device import place
from forecast.memory import keep_freed_memory
from forecast.segmentation.mean import MeanSegmenter
from forecast.specs import located
from forecast.stages import Segmenter
from forecast.training.predictor import train_predictor
from forecast.training.run import Audience
from forecast.training.segmenter import train_segmenter
from forecast.training.settings import BUNDLED, PredictorRun, RunSettings, SegmenterRun


def train(
    settings: PredictorRun | SegmenterRun,
    out: str | Path,
    *,
    teacher: Segmenter | None = None,
    audience: Audience = Audience(),  # noqa: B008 - frozen
) -> Path:
    """Train a predictor or a segmenter; the same call continues a run that was stopped.

    Args:
        settings: What learns, from what, and how.
        out: Folder for what is prepared, the state of the run, scalars and weights.
        teacher: Says what pictures without annotation show, instead of the one named.
        audience: Who is told how the run goes.

    Returns:
        The file of the best weights.

    Raises:
        UsageError: A setting, or what the data cannot give.
        OpenError: A source or some weights cannot be read.
    """
    checked(settings)
    keep_freed_memory()
    ask = _teacher(settings) if teacher is None else lambda: teacher
    if isinstance(settings, PredictorRun):
        apart = _apart(settings) if settings.apart and teacher is None else {}
        return train_predictor(settings, out=Path(out), teacher=ask, apart=apart, audience=audience)
    known = None if ask is None else ask()
    return train_segmenter(settings, out=Path(out), teacher=known, audience=audience)


def _teacher(settings: RunSettings) -> Callable[[], Segmenter] | None:
    """What builds the teacher when it is first asked for; clips may all be annotated."""
    if not settings.teacher:
        return None
    return cache(partial(_built, settings.teacher, settings.teacher_weights))


def _apart(settings: RunSettings) -> Mapping[str, Callable[[], Segmenter]]:
    """What builds each teacher by itself."""
    weights = [(one,) for one in settings.teacher_weights] or [()] * len(settings.teacher)
    return {
        name: cache(partial(_built, (name,), files))
        for name, files in zip(settings.teacher, weights, strict=True)
    }


def _built(names: Sequence[str], weights: Sequence[str]) -> Segmenter:
    files = [None if one == BUNDLED else Path(located(one)) for one in weights]
    files = files or [None] * len(names)
    every = [
        catalogue.build_segmenter(name, placement=place(), weights=file)
        for name, file in zip(names, files, strict=True)
    ]
    return every[0] if len(every) == 1 else MeanSegmenter(every)
