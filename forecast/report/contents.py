"""What goes into a report. Host, versions and commit are given, never looked up."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

import numpy as np
from jaxtyping import UInt8

from forecast.labels import LabelSpace
from forecast.scores import FigureWords, Result, Scores


@dataclass(frozen=True, slots=True, kw_only=True)
class Picture:
    """One picture with its caption."""

    caption: str
    rgb: UInt8[np.ndarray, "H W 3"]
    wrong_rgb: UInt8[np.ndarray, "H W 3"] | None = None
    """The same with wrong pixels marked; the page can show either."""


@dataclass(frozen=True, slots=True, kw_only=True)
class PictureRow:
    """One origin and horizon: the frame, the truth and every predictor."""

    clip: str
    origin_index: int
    horizon_s: float
    pictures: Sequence[Picture]


@dataclass(frozen=True, slots=True, kw_only=True)
class Report:
    """Everything that the files of a report say."""

    title: str
    space: LabelSpace
    """The classes that results are in."""
    protocol: Mapping[str, object]
    """Every rule, ready for JSON."""
    protocol_hash: str
    protocol_words: Sequence[str]
    """The same rules as sentences."""
    results: Sequence[Result]
    extras: Mapping[str, FigureWords] = field(default_factory=dict[str, FigureWords])
    """How to tell each further figure that results have, by its name."""
    scores: Sequence[Scores] = ()
    """Counts by origin, kept beside the report so that runs can be compared."""
    pictures: Sequence[PictureRow] = ()
    environment: Mapping[str, object]
    """Config, commit, versions, host: whatever is needed to run it again."""
    notes: Sequence[str] = ()
    """Sentences that a reader must know."""


def plain(value: Any) -> Any:
    """JSON has no NaN and no paths: undefined becomes null, anything else its text."""
    if isinstance(value, Mapping):
        return {str(key): plain(one) for key, one in value.items()}
    if isinstance(value, list | tuple):
        return [plain(one) for one in value]
    if isinstance(value, float):
        return value if math.isfinite(value) else None
    return value if value is None or isinstance(value, str | int | bool) else str(value)
