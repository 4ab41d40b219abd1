"""One clip, walked once: what was seen, what was forecast, and how the two compare.

Reads each wanted frame once and holds no more than a history of frames and the label maps of
forecasts whose time has not yet come. Axes: H W picture.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field

from forecast.confusion import confusion
from forecast.evaluation.protocol import Snippet, wanted_frames
from forecast.geometry.deciding import Labels, labels_at, seen_labels
from forecast.labels import LabelSpace
from forecast.prediction.in_space import InSpace
from forecast.scores import SnippetSums
from forecast.stages import FrameSource, Predictor, Segmenter, is_annotated
from forecast.values import Frame, History, Observation, num_stride_frames

CEILING = "ceiling"
"""The row of the segmenter on the real future frame."""


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
        last_use = _last_uses(self.snippets)
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
        for pending in [*self._pending.pop(index, []), *self._ceilings(index, seen)]:
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

    def _ceilings(self, index: int, seen: Labels) -> Iterator[_Pending]:
        per_stride = num_stride_frames(self.stride_s, self.frame_s)
        for snippet in self.snippets:
            for horizon_s, target in snippet.targets.items():
                if target == index:
                    steps, rest = divmod(index - snippet.origin, per_stride)
                    yield _Pending(
                        predictor=CEILING,
                        origin=snippet.origin,
                        horizon_s=horizon_s,
                        served_s=(index - snippet.origin) * self.frame_s,
                        steps=None if rest else steps,
                        labels=seen,
                    )

    def _target(self, name: str, index: int, seen: Labels) -> Labels:
        if name == "segmenter":
            return seen
        assert is_annotated(self.clip)
        return self.clip.label_map(index).ids.byte().numpy()


def _last_uses(snippets: Sequence[Snippet]) -> Mapping[int, int]:
    """The newest index at which each wanted frame is still looked at."""
    uses: dict[int, int] = {}
    for one in snippets:
        for target in one.targets.values():
            uses[target] = max(uses.get(target, target), target)
        looked_at = one.inputs if one.previous is None else (*one.inputs, one.previous)
        for index in looked_at:
            uses[index] = max(uses.get(index, index), one.origin)
    return uses
