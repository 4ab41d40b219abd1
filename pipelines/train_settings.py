"""What `forecast train` can be told: the library's settings, with lists divided by commas."""

from __future__ import annotations

from dataclasses import dataclass

# cyclopts looks up the names of inherited annotations in this module.
from pathlib import Path  # noqa: F401  # pyright: ignore[reportUnusedImport]

from cyclopts import Parameter

from forecast.training.settings import PredictorRun, SegmenterRun
from pipelines.config import Hidden, Names, Size, Switch


@Parameter(name="*")
@dataclass(frozen=True, kw_only=True)
class TrainPredictorSettings(PredictorRun):
    """What `forecast train predictor` does."""

    data: Hidden = ()
    held_out: Names = ()
    without: Names = ()
    teacher: Names = ()
    teacher_weights: Names = ()
    window: Size = None


@Parameter(name="*")
@dataclass(frozen=True, kw_only=True)
class TrainSegmenterSettings(SegmenterRun):
    """What `forecast train segmenter` does.

    A teacher's beliefs are kept to what annotation allows.
    """

    data: Hidden = ()
    held_out: Names = ()
    without: Names = ()
    teacher: Names = ()
    teacher_weights: Names = ()
    mirrored: Switch = False
    elastic: Switch = False
