"""What a further score looks at, and what it is: one forecast beside its target, reduced at once.

Promises that a score is made of sums (or samples) that are stacked by origin, so that one pass over
the data serves every score. Axes: H W picture, K classes, h w a predictor's grid, N origins.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field
from typing import Literal

import numpy as np
from jaxtyping import Float, Int64
from numpy.typing import NDArray
from torch import Tensor

from forecast.geometry.deciding import Labels, planes_at
from forecast.labels import LabelSpace
from forecast.scores import FigureWords
from forecast.values import Frame

Sums = Float[np.ndarray, "..."]
"""What one comparison adds: of the same shape for every origin."""
Need = Literal["belief", "origin", "before", "latency"]
"""What must be kept until a forecast is scored; what no score asks for is let go."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Before:
    """The same predictor at the same horizon, held to the source frame just before."""

    labels: Labels
    target_ids: Labels
    future: Frame


@dataclass(frozen=True, slots=True, kw_only=True)
class Compared:
    """One forecast and what it is held to, at the size of the picture."""

    space: LabelSpace
    labels: Labels
    """What was forecast."""
    target_ids: Labels
    """What is there; pixels of the space's void id do not count."""
    counts: Int64[np.ndarray, "K K"]
    """Their confusion."""
    future: Frame
    """The picture of the target's moment."""
    served_s: float
    belief: Float[Tensor, "K h w"] | None = None
    """Probabilities on the predictor's grid; None where labels are certain, or nobody asked."""
    origin: Frame | None = None
    """The picture that the forecast started from, where a score needs it."""
    before: Before | None = None
    """None at a clip's first comparison, after a gap, or where no score needs it."""
    latency_ms: float = float("nan")
    """From the origin's picture to this forecast; NaN for the ceiling, which waits for the future.
    """

    def planes(self) -> Iterator[NDArray[np.float32]]:
        """The probability of one class after the other, [H, W]."""
        if self.belief is not None:
            yield from planes_at(self.belief, self.target_ids.shape)
            return
        for index in range(self.space.num_classes):
            yield (self.labels == index).astype(np.float32)


@dataclass(frozen=True, slots=True, kw_only=True)
class Extra:
    """A further score: how a comparison is reduced, and what figures come of the sums."""

    name: str
    """As a person asks for it."""
    sums: Callable[[Compared], Sums]
    figures: Callable[[Float[np.ndarray, "N ..."]], Mapping[str, float]]
    """Pooled figures by name, from the sums of every origin; NaN where nothing counted."""
    words: Mapping[str, FigureWords]
    """How a page tells each figure."""
    needs: frozenset[Need] = field(default_factory=frozenset[Need])
    note: Callable[[Float[np.ndarray, "N ..."]], str] | None = None
    """A sentence that a reader must know, from the sums of one row."""
