"""What a measurement gives: the sums of a snippet, the scores pooled from them, a report's row.

Fractions throughout; K classes.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field

import numpy as np
from numpy.typing import NDArray

TOO_SHORT = "too short to say"
"""What stands, in every table, where an interval would promise more than is known."""


@dataclass(frozen=True, slots=True, kw_only=True)
class SnippetSums:
    """What one clip (or block of one) adds to a score; sums of sums are sums."""

    clip: str
    origin_index: int
    """Source index of the origin, so that predictors are paired by origin."""
    confusion: NDArray[np.int64]
    """[K, K]; row = target, column = prediction; void targets are left out."""
    extras: Mapping[str, NDArray[np.float64]] = field(
        default_factory=dict[str, NDArray[np.float64]]
    )
    """What further scores are made of, by the name they were asked for by."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Scores:
    """How one predictor did at one horizon against one target."""

    predictor: str
    target: str
    """`truth` (annotation) or `segmenter` (its labels on the real future frame)."""
    horizon_s: float
    served_s: float
    steps: int | None
    """Strides to the horizon; None where the horizon lies between two."""
    sums: Sequence[SnippetSums]
    extras: Mapping[str, float] | None = None
    """Further pooled figures by name, such as negative log-likelihood."""


@dataclass(frozen=True, slots=True, kw_only=True)
class FigureWords:
    """How a page tells a further figure."""

    title: str
    about: str
    lower_is_better: bool = False
    decimals: int = 3


@dataclass(frozen=True, slots=True, kw_only=True)
class Interval:
    """A 95 % interval."""

    low: float
    high: float


@dataclass(frozen=True, slots=True, kw_only=True)
class SequenceResult:
    """How one predictor did on one clip at one horizon."""

    clip: str
    num_origins: int
    miou: float
    miou_moving: float
    ci95: Interval | None
    interval_note: str
    """What the interval is about, or why there is none."""
    gain: float | None
    """mIoU points over the rival on this clip, as a fraction."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Result:
    """One row of a report; fractions, NaN where nothing could be scored."""

    predictor: str
    target: str
    horizon_s: float
    served_s: float
    steps: int | None
    num_origins: int
    miou: float
    miou_moving: float
    per_class: Mapping[str, float]
    """IoU by class name; NaN for a class that neither target nor prediction has."""
    ci95: Interval | None
    """Of `miou`; None where the origins are too few to tell."""
    ci95_moving: Interval | None
    skill: float | None
    """(model - copy-last) / (ceiling - copy-last); None without those rows."""
    skill_ci95: Interval | None
    is_reference: bool
    """Whether it is a row that every table carries: copies, warps, ceiling."""
    rival: str | None
    """The better of copy-last and every flow-warp at this horizon."""
    gain: float | None
    """mIoU above the rival's; None for the rival itself and for the ceiling."""
    gain_ci95: Interval | None
    """Paired by origin."""
    interval_note: str
    """What the intervals are about, or why there are none."""
    wins: int
    losses: int
    """Clips on which the gain is above zero, and below."""
    sequences: Sequence[SequenceResult]
    extras: Mapping[str, float]
    """Further pooled figures by name."""
