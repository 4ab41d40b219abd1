"""One clip, walked once: what was seen, what was forecast, and how the two compare.

Reads each wanted frame once and holds no more than a history of frames and the label maps of
forecasts whose time has not yet come. Axes: H W picture.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field

from forecast.confusion import confusion
from forecast.evaluation.protocol import Snippet, wanted_frames
from forecast.evaluation.rivals import CEILING, ORACLE
from forecast.geometry.deciding import Labels, labels_at, seen_labels
from forecast.labels import LabelSpace
from forecast.prediction.in_space import InSpace
from forecast.prediction.warping.oracle_motion import LONGEST_S, warped_by_truth
from forecast.scores import SnippetSums
from forecast.stages import FlowEstimator, FrameSource, Predictor, Segmenter, is_annotated
from forecast.values import Frame, History, Observation, num_stride_frames


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
    kept: frozenset[int] = frozenset()
    """Origins whose picture is kept until its forecasts are scored."""
    _now: dict[int, Frame] = field(default_factory=dict[int, Frame])
    _seen: dict[int, Observation] = field(default_factory=dict)
    _plain: dict[int, Frame] = field(default_factory=dict)
    _pending: dict[int, list[_Pending]] = field(default_factory=dict)

    def run(self) -> Iterator[Scored]:
        """Every forecast of the clip against every target, in order of the target's time."""
        by_origin = {one.origin: one for one in self.snippets}
        observed = {index for one in self.snippets for index in one.inputs}
        due = {index for one in self.snippets for index in one.targets.values()}
        far_s = LONGEST_S if self.flow is not None else 0.0
        last_use = _last_uses(self.snippets, within=int(far_s / self.frame_s + 1e-6))
        with self.clip.open(only=frozenset(wanted_frames(self.snippets))) as frames:
            for frame in frames:
                index = frame.at.index
                self._plain[index] = frame
                if index in observed or index in due:
                    segmentation = self.segmenter([frame])[0]
                    self._seen[index] = Observation(frame=frame, segmentation=segmentation)
                if index in due:
                    yield from self._score(self._seen[index])
                if index in by_origin:
                    self._forecast(by_origin[index])
                if index in self.kept:
                    self._now[index] = frame
                for old in [one for one in self._plain if last_use[one] <= index]:
                    del self._plain[old]
                    self._seen.pop(old, None)

    def _forecast(self, snippet: Snippet) -> None:
        history = History(
            observations=tuple(self._seen[index] for index in snippet.inputs),
            previous=None if snippet.previous is None else self._plain[snippet.previous],
            stride_s=self.stride_s,
            frame_s=self.frame_s,
        )
        size_hw = history.observations[-1].frame.size_hw
        for predictor in self.predictors:
            inside = InSpace(predictor, self.space)
            for one in inside.predict([history], horizons_s=sorted(snippet.targets)):
                pending = _Pending(
                    predictor=predictor.name,
                    origin=snippet.origin,
                    horizon_s=one.horizon_s,
                    served_s=one.served_s,
                    steps=history.num_steps(one.horizon_s),
                    labels=labels_at(one.probs, size_hw).numpy(),
                )
                self._pending.setdefault(snippet.targets[one.horizon_s], []).append(pending)

    def _score(self, observation: Observation) -> Iterator[Scored]:
        index = observation.frame.at.index
        seen = seen_labels(observation.segmentation, self.space)
        held = {name: self._target(name, index, seen) for name in self.targets}
        forecasts = self._pending.pop(index, [])
        for pending in [*forecasts, *self._seeing(index, seen, observation.frame)]:
            for target, ids in held.items():
                sums = SnippetSums(
                    clip=self.clip.clip,
                    origin_index=pending.origin,
                    confusion=confusion(ids, pending.labels, self.space),
                )
                yield Scored(
                    predictor=pending.predictor,
                    target=target,
                    horizon_s=pending.horizon_s,
                    served_s=pending.served_s,
                    steps=pending.steps,
                    sums=sums,
                    labels=pending.labels,
                    target_ids=ids,
                    future=observation.frame,
                    now=self._now.get(pending.origin),
                )

    def _seeing(self, index: int, seen: Labels, future: Frame) -> Iterator[_Pending]:
        """The rows that look at the real future: the oracle's and the ceiling's."""
        per_stride = num_stride_frames(self.stride_s, self.frame_s)
        for snippet in self.snippets:
            for horizon_s, target in snippet.targets.items():
                if target != index:
                    continue
                steps, rest = divmod(index - snippet.origin, per_stride)
                rows = {CEILING: seen}
                if self.flow is not None and self._is_near(snippet.origin, index):
                    warped = warped_by_truth(self._seen[snippet.origin], future, self.flow)
                    rows = {ORACLE: seen_labels(warped, self.space), **rows}
                for name, labels in rows.items():
                    yield _Pending(
                        predictor=name,
                        origin=snippet.origin,
                        horizon_s=horizon_s,
                        served_s=(index - snippet.origin) * self.frame_s,
                        steps=None if rest else steps,
                        labels=labels,
                    )

    def _is_near(self, origin: int, index: int) -> bool:
        return 0 < (index - origin) * self.frame_s <= LONGEST_S

    def _target(self, name: str, index: int, seen: Labels) -> Labels:
        if name == "segmenter":
            return seen
        assert is_annotated(self.clip)
        return self.clip.label_map(index).ids.byte().numpy()


def _last_uses(snippets: Sequence[Snippet], within: int) -> Mapping[int, int]:
    """The newest index at which each wanted frame is still looked at.

    Args:
        snippets: What is forecast.
        within: Origins are looked at once more at targets that are no more frames ahead.
    """
    uses: dict[int, int] = {}

    def used(index: int, at: int) -> None:
        uses[index] = max(uses.get(index, index), at)

    for one in snippets:
        for target in one.targets.values():
            used(target, target)
            if target - one.origin <= within:
                used(one.origin, target)
        for index in one.inputs if one.previous is None else (*one.inputs, one.previous):
            used(index, one.origin)
    return uses
