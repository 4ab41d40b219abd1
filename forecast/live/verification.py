"""How right the forecasts were: each is kept until its moment comes and compared with what is seen.

Pure and bounded: no clock, no thread. The truth is the segmenter's own later labels, so a score
says how well the future was foreseen, not how well the segmenter sees. Axes: K classes, h w grid.
"""

from __future__ import annotations

import math
from collections import Counter, deque
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from jaxtyping import Int64, UInt8
from numpy import ndarray

from forecast.confusion import confusion, mean_iou, moving_iou
from forecast.geometry.resize import resize_labels
from forecast.labels import LabelSpace
from forecast.values import Instant

REFERENCE = "copy-last"


@dataclass(frozen=True, slots=True, kw_only=True)
class RunningScore:
    """How one predictor has lately done at one horizon."""

    predictor: str
    horizon_s: float
    miou: float | None
    """Fraction; None before the first comparison."""
    miou_moving: float | None
    """The same over the classes that move of themselves."""
    num_compared: int
    """Comparisons in the window."""
    checked: bool
    """False where no frame has lately been looked at when a forecast of this horizon came due: at
    this pace nothing newer is compared, and the score is of another time."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Verified:
    """A forecast whose moment has come."""

    predictor: str
    horizon_s: float
    forecast: UInt8[ndarray, "h w"]
    seen: UInt8[ndarray, "h w"]
    """What the segmenter saw at that moment, on the forecast's grid."""


@dataclass(frozen=True, slots=True, kw_only=True)
class _Pending:
    predictor: str
    horizon_s: float
    epoch: int
    due_s: float
    labels: UInt8[ndarray, "h w"]


@dataclass(frozen=True, slots=True, kw_only=True)
class _Seen:
    at: Instant
    labels: UInt8[ndarray, "h w"]


class Verifier:
    """The running score of a predictor, and of copying, at every horizon.

    Args:
        predictor: Its name.
        space: What the labels mean.
        window: Comparisons that count; older ones are forgotten.
        tolerance_s: How far from its moment a forecast may be compared.
    """

    _MOST_PENDING = 2000
    _UNMET = 8
    """So many moments in a row that nothing was seen at: the pace does not meet them."""

    def __init__(
        self,
        predictor: str,
        space: LabelSpace,
        *,
        window: int = 300,
        tolerance_s: float = 0.06,
    ) -> None:
        self._predictor = predictor
        self._space = space
        self._window = window
        self._tolerance_s = tolerance_s
        self._pending: deque[_Pending] = deque(maxlen=self._MOST_PENDING)
        self._last: _Seen | None = None
        self._sums: dict[tuple[str, float], _WindowedSum] = {}
        self._unmet: Counter[tuple[str, float]] = Counter()

    def observe(
        self,
        at: Instant,
        labels: UInt8[ndarray, "h w"],
        forecasts: Mapping[float, tuple[float, UInt8[ndarray, "h w"]]],
    ) -> Sequence[Verified]:
        """What the predictor had foreseen for this moment, scored.

        Args:
            at: The moment.
            labels: What is seen.
            forecasts: By horizon: the seconds ahead that are truly served, and the labels.
        """
        seen = _Seen(at=at, labels=labels)
        verified = self._score_due(seen)
        for horizon_s, (served_s, foreseen) in forecasts.items():
            self._expect(self._predictor, horizon_s, served_s, at, foreseen)
            copied = resize_labels(labels, foreseen.shape)
            self._expect(REFERENCE, horizon_s, served_s, at, copied)
        self._last = seen
        return verified

    def scores(self) -> Sequence[RunningScore]:
        """By horizon, the predictor before its reference."""
        order = sorted(self._sums, key=lambda key: (key[1], key[0] == REFERENCE))
        return [self._score(*key) for key in order]

    def _expect(
        self, predictor: str, horizon_s: float, served_s: float, at: Instant, labels: ndarray
    ) -> None:
        due_s = at.pts_s + served_s
        self._pending.append(
            _Pending(
                predictor=predictor, horizon_s=horizon_s, epoch=at.epoch, due_s=due_s,
                labels=labels,
            )
        )  # fmt: skip
        self._sums.setdefault((predictor, horizon_s), _WindowedSum(self._window))

    def _score_due(self, seen: _Seen) -> Sequence[Verified]:
        verified: list[Verified] = []
        waiting: deque[_Pending] = deque(maxlen=self._MOST_PENDING)
        for one in self._pending:
            if one.epoch != seen.at.epoch:
                continue
            if one.due_s > seen.at.pts_s:
                waiting.append(one)
                continue
            moment = self._nearest(one, seen)
            key = one.predictor, one.horizon_s
            self._unmet[key] = 0 if moment is not None else self._unmet[key] + 1
            if moment is not None:
                verified.append(self._compare(one, moment))
        self._pending = waiting
        return verified

    def _nearest(self, one: _Pending, seen: _Seen) -> _Seen | None:
        candidates = [seen, self._last] if self._last is not None else [seen]
        best = min(candidates, key=lambda moment: abs(moment.at.pts_s - one.due_s))
        close = abs(best.at.pts_s - one.due_s) <= self._tolerance_s
        return best if close and best.at.epoch == one.epoch else None

    def _compare(self, one: _Pending, moment: _Seen) -> Verified:
        target = resize_labels(moment.labels, one.labels.shape)
        counts = confusion(target, one.labels, self._space)
        self._sums[one.predictor, one.horizon_s].add(counts)
        return Verified(
            predictor=one.predictor, horizon_s=one.horizon_s, forecast=one.labels, seen=target
        )

    def _score(self, predictor: str, horizon_s: float) -> RunningScore:
        sums = self._sums[predictor, horizon_s]
        total = sums.total
        return RunningScore(
            predictor=predictor,
            horizon_s=horizon_s,
            miou=None if total is None else _defined(mean_iou(total)),
            miou_moving=None if total is None else _defined(moving_iou(total, self._space)),
            num_compared=len(sums),
            checked=self._unmet[predictor, horizon_s] < self._UNMET,
        )


class _WindowedSum:
    """The sum of the last so many confusions."""

    def __init__(self, window: int) -> None:
        self._kept: deque[ndarray] = deque()
        self._window = window
        self._total: ndarray | None = None

    def __len__(self) -> int:
        return len(self._kept)

    def add(self, counts: Int64[ndarray, "K K"]) -> None:
        """One more; the oldest leaves when the window is full."""
        self._kept.append(counts)
        self._total = counts.copy() if self._total is None else self._total + counts
        if len(self._kept) > self._window:
            self._total = self._total - self._kept.popleft()

    @property
    def total(self) -> Int64[ndarray, "K K"] | None:
        """The sum; None before the first."""
        return self._total


def _defined(score: float) -> float | None:
    return None if math.isnan(score) else score
