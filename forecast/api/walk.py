"""One clip, walked once: what was seen, what was forecast, and how the two compare.

Reads each wanted frame once and holds no more than a history of frames and the label maps of
forecasts whose time has not yet come; what further scores need is kept beside them.
Axes: H W picture, K classes, h w a predictor's grid.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, field
from math import inf

from jaxtyping import Float
from torch import Tensor

from forecast.api.reads import frames_read, last_uses
from forecast.confusion import confusion
from forecast.evaluation.compared import Before, Compared, Extra, Need
from forecast.evaluation.protocol import Snippet
from forecast.evaluation.rivals import CEILING, ORACLE
from forecast.geometry.deciding import Labels, labels_at, seen_labels
from forecast.geometry.spaces import collapse_probs
from forecast.labels import LabelSpace
from forecast.prediction.in_space import InSpace
from forecast.prediction.warping.oracle_motion import LONGEST_S, warped_by_truth
from forecast.scores import SnippetSums
from forecast.stages import (
    FlowEstimator,
    FrameSource,
    Predictor,
    Refiner,
    Segmenter,
    is_annotated,
)
from forecast.values import (
    Forecast,
    Frame,
    History,
    Observation,
    Segmentation,
    num_stride_frames,
)


@dataclass(frozen=True, slots=True, kw_only=True)
class Scored:
    """One forecast held against one target."""

    predictor: str
    target: str
    horizon_s: float
    served_s: float
    steps: int | None
    sums: SnippetSums
    labels: Labels
    """What was forecast, at picture size."""
    target_ids: Labels
    """What it was held to; the space's void id where it does not count."""
    future: Frame
    """The real picture of the target's moment."""
    now: Frame | None
    """The picture of the origin, where it was asked to be kept."""


@dataclass(frozen=True, slots=True, kw_only=True)
class _Pending:
    """A forecast whose time has not yet come."""

    predictor: str
    origin: int
    horizon_s: float
    served_s: float
    steps: int | None
    labels: Labels
    belief: Float[Tensor, "K h w"] | None = None
    """Probabilities on the predictor's grid, where a score needs them."""
    latency_ms: float = float("nan")


@dataclass(slots=True, kw_only=True)
class ClipWalk:
    """How one clip is walked; `run` does it."""

    clip: FrameSource
    snippets: Sequence[Snippet]
    segmenter: Segmenter
    predictors: Sequence[Predictor]
    targets: Sequence[str]
    space: LabelSpace
    """What scores are counted in."""
    frame_s: float
    stride_s: float
    flow: FlowEstimator | None = None
    """Estimates the true flow of the row `oracle-motion`; None leaves it out."""
    refiner: Refiner | None = None
    """Improves each segmentation; where it remembers, every source frame is segmented for it."""
    kept: frozenset[int] = frozenset()
    """Origins whose picture is kept until its forecasts are scored."""
    extras: Sequence[Extra] = ()
    """Further scores of every forecast."""
    alone: Callable[[], None] = lambda: None
    """Forgets what another predictor has worked out; called before a forecast that is timed."""
    _now: dict[int, Frame] = field(default_factory=dict[int, Frame])
    _before: dict[tuple[str, str, float], Before] = field(default_factory=dict)
    _segment_ms: dict[int, float] = field(default_factory=dict[int, float])
    _unrefined: Segmentation | None = None
    """What the network alone says of the newest frame."""
    _seen: dict[int, Observation] = field(default_factory=dict)
    _plain: dict[int, Frame] = field(default_factory=dict)
    _pending: dict[int, list[_Pending]] = field(default_factory=dict)

    def run(self) -> Iterator[Scored]:
        """Every forecast of the clip against every target, in order of the target's time."""
        if self.refiner is not None:
            self.refiner.reset()
        by_origin = {one.origin: one for one in self.snippets}
        observed = {index for one in self.snippets for index in one.inputs}
        if any(one.needs.previous_seen for one in self.predictors):
            observed |= {one.previous for one in self.snippets if one.previous is not None}
        due = {index for one in self.snippets for index in one.targets.values()}
        far_s = LONGEST_S if self.flow is not None else 0.0
        far_s = inf if self._needs("origin") else far_s
        last_use = last_uses(self.snippets, within=far_s / self.frame_s + 1e-6)
        with self.clip.open(only=frames_read(self.snippets, self.refiner)) as frames:
            for frame in frames:
                index = frame.at.index
                if index not in last_use:
                    self._segmented(frame)
                    continue
                self._plain[index] = frame
                if index in observed or index in due or self._remembers:
                    self._seen[index] = self._segmented(frame)
                if index in due:
                    yield from self._score(self._seen[index])
                if index in by_origin:
                    self._forecast(by_origin[index])
                if index in self.kept:
                    self._now[index] = frame
                for old in [one for one in self._plain if last_use[one] <= index]:
                    del self._plain[old]
                    self._seen.pop(old, None)

    def _needs(self, what: Need) -> bool:
        return any(what in one.needs for one in self.extras)

    @property
    def _remembers(self) -> bool:
        return self.refiner is not None and self.refiner.remembers

    def _segmented(self, frame: Frame) -> Observation:
        begun = time.perf_counter()
        segmentation = self._unrefined = self.segmenter([frame])[0]
        if self.refiner is not None:
            segmentation = self.refiner(segmentation, frame)
        self._segment_ms[frame.at.index] = 1000 * (time.perf_counter() - begun)
        return Observation(frame=frame, segmentation=segmentation)

    def _forecast(self, snippet: Snippet) -> None:
        previous = snippet.previous
        before = None if previous is None else self._seen.get(previous)
        history = History(
            observations=tuple(self._seen[index] for index in snippet.inputs),
            previous=None if previous is None else self._plain[previous],
            stride_s=self.stride_s,
            frame_s=self.frame_s,
            before=None if before is None else before.segmentation,
        )
        size_hw = history.observations[-1].frame.size_hw
        for predictor in self.predictors:
            inside = InSpace(predictor, self.space)
            if self._needs("latency"):
                self.alone()
            forecasts = inside.predict([history], horizons_s=sorted(snippet.targets))
            for one, spent_ms in _timed(forecasts):
                pending = _Pending(
                    predictor=predictor.name,
                    origin=snippet.origin,
                    horizon_s=one.horizon_s,
                    served_s=one.served_s,
                    steps=history.num_steps(one.horizon_s),
                    labels=labels_at(one.probs, size_hw).numpy(),
                    belief=one.probs if self._needs("belief") else None,
                    latency_ms=self._segment_ms[snippet.origin] + spent_ms,
                )
                self._pending.setdefault(snippet.targets[one.horizon_s], []).append(pending)

    def _score(self, observation: Observation) -> Iterator[Scored]:
        index = observation.frame.at.index
        seen = seen_labels(observation.segmentation, self.space)
        held = {name: self._target(name, index, seen) for name in self.targets}
        forecasts = self._pending.pop(index, [])
        for pending in [*forecasts, *self._seeing(observation, seen)]:
            for target, ids in held.items():
                yield Scored(
                    predictor=pending.predictor,
                    target=target,
                    horizon_s=pending.horizon_s,
                    served_s=pending.served_s,
                    steps=pending.steps,
                    sums=self._sums(pending, target, ids, observation.frame),
                    labels=pending.labels,
                    target_ids=ids,
                    future=observation.frame,
                    now=self._now.get(pending.origin),
                )

    def _sums(self, pending: _Pending, target: str, ids: Labels, future: Frame) -> SnippetSums:
        counts = confusion(ids, pending.labels, self.space)
        compared = Compared(
            space=self.space,
            labels=pending.labels,
            target_ids=ids,
            counts=counts,
            future=future,
            served_s=pending.served_s,
            belief=pending.belief,
            origin=self._plain.get(pending.origin),
            before=self._just_before(pending, target, ids, future),
            latency_ms=pending.latency_ms,
        )
        return SnippetSums(
            clip=self.clip.clip,
            origin_index=pending.origin,
            confusion=counts,
            extras={one.name: one.sums(compared) for one in self.extras},
        )

    def _just_before(
        self, pending: _Pending, target: str, ids: Labels, future: Frame
    ) -> Before | None:
        if not self._needs("before"):
            return None
        key = (pending.predictor, target, pending.horizon_s)
        last = self._before.get(key)
        self._before[key] = Before(labels=pending.labels, target_ids=ids, future=future)
        follows = last is not None and last.future.at.index == future.at.index - 1
        return last if follows else None

    def _seeing(self, observation: Observation, seen: Labels) -> Iterator[_Pending]:
        """The rows that look at the real future: the oracle's and the ceiling's."""
        index, future = observation.frame.at.index, observation.frame
        per_stride = num_stride_frames(self.stride_s, self.frame_s)
        for snippet in self.snippets:
            for horizon_s, target in snippet.targets.items():
                if target != index:
                    continue
                steps, rest = divmod(index - snippet.origin, per_stride)
                rows = {CEILING: (observation.segmentation, seen)}
                if self.flow is not None and self._is_near(snippet.origin, index):
                    warped = warped_by_truth(self._seen[snippet.origin], future, self.flow)
                    rows = {ORACLE: (warped, seen_labels(warped, self.space)), **rows}
                for name, (segmentation, labels) in rows.items():
                    yield _Pending(
                        predictor=name,
                        origin=snippet.origin,
                        horizon_s=horizon_s,
                        served_s=(index - snippet.origin) * self.frame_s,
                        steps=None if rest else steps,
                        labels=labels,
                        belief=self._belief(segmentation),
                    )

    def _belief(self, segmentation: Segmentation) -> Float[Tensor, "K h w"] | None:
        if segmentation.probs is None or not self._needs("belief"):
            return None
        return collapse_probs(segmentation.probs, segmentation.space, self.space)

    def _is_near(self, origin: int, index: int) -> bool:
        return 0 < (index - origin) * self.frame_s <= LONGEST_S

    def _target(self, name: str, index: int, seen: Labels) -> Labels:
        if name == "segmenter":
            return seen
        if name == "unrefined":
            assert self._unrefined is not None
            return seen_labels(self._unrefined, self.space)
        assert is_annotated(self.clip)
        return self.clip.label_map(index).ids.numpy()


def _timed(forecasts: Iterator[Forecast]) -> Iterator[tuple[Forecast, float]]:
    """Each forecast with the milliseconds that it and those before it took to make.

    What is done with a forecast between two of them is not in it.
    """
    spent_ms = 0.0
    while True:
        begun = time.perf_counter()
        forecast = next(forecasts, None)
        if forecast is None:
            return
        spent_ms += 1000 * (time.perf_counter() - begun)
        yield forecast, spent_ms
