"""Every clip of a data set walked once, and what its forecasts scored."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace

import numpy as np
from numpy.typing import NDArray

from forecast.api.walk import ClipWalk, Scored
from forecast.errors import UsageError
from forecast.evaluation.compared import Extra
from forecast.evaluation.protocol import Protocol, Snippet, snippets
from forecast.labels import LabelSpace
from forecast.scores import Scores, SnippetSums
from forecast.segmentation.annotations import AnnotationSegmenter
from forecast.stages import FlowEstimator, FrameSource, Predictor, Refiner, Segmenter, is_annotated
from forecast.values import num_frames_in, num_stride_frames

Segmenters = Callable[[FrameSource], Segmenter]
"""The segmenter of a clip: the same network for all, or each clip's own annotation."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Evaluated:
    """What an evaluation found."""

    scores: tuple[Scores, ...]
    looks: tuple[Scored, ...]
    """Comparisons worth a picture; their `now` is there."""
    notes: tuple[str, ...] = ()
    """What a reader must know of the further scores."""


@dataclass(frozen=True, slots=True, kw_only=True)
class _Key:
    predictor: str
    target: str
    horizon_s: float


_FEW_CLASSES = 255
_RUN = 64
"""Origins whose counts are kept together where there are more classes."""


class _Tally:
    """Gathers what belongs in one row."""

    def __init__(self, extras: Sequence[Extra]) -> None:
        self._extras = extras
        self._sums: dict[_Key, list[SnippetSums]] = {}
        self._further: dict[_Key, list[Mapping[str, NDArray[np.float64]]]] = {}
        self._served: dict[_Key, tuple[float, int | None]] = {}

    def add(self, scored: Scored) -> None:
        key = _Key(predictor=scored.predictor, target=scored.target, horizon_s=scored.horizon_s)
        _gather(self._sums.setdefault(key, []), replace(scored.sums, extras={}))
        self._further.setdefault(key, []).append(scored.sums.extras)
        self._served.setdefault(key, (scored.served_s, scored.steps))

    def scores(self) -> tuple[Scores, ...]:
        return tuple(
            Scores(
                predictor=key.predictor,
                target=key.target,
                horizon_s=key.horizon_s,
                served_s=self._served[key][0],
                steps=self._served[key][1],
                sums=sums,
                extras=self._figures(self._further[key]),
            )
            for key, sums in self._sums.items()
        )

    def _figures(self, sums: Sequence[Mapping[str, NDArray[np.float64]]]) -> dict[str, float]:
        figures: dict[str, float] = {}
        for extra in self._extras:
            figures.update(extra.figures(np.stack([one[extra.name] for one in sums])))
        return figures

    def notes(self) -> tuple[str, ...]:
        first = next(iter(self._further.values()), [])
        return tuple(
            extra.note(np.stack([one[extra.name] for one in first]))
            for extra in self._extras
            if extra.note is not None and first
        )


def _gather(sums: list[SnippetSums], one: SnippetSums) -> None:
    """Keep the counts of one origin; of very many classes, added up in runs of neighbours.

    The counts of 459 classes are 1.7 MB; of each of 5105 pictures they would be 8.6 GB.
    """
    together = sums and one.origin_index % _RUN and sums[-1].clip == one.clip
    if len(one.confusion) <= _FEW_CLASSES or not together:
        sums.append(one)
    else:
        sums[-1] = replace(sums[-1], confusion=sums[-1].confusion + one.confusion)


def annotation_segmenters(clip: FrameSource) -> Segmenter:
    """The clip's own annotation in a segmenter's place.

    Raises:
        UsageError: The clip has none.
    """
    if not is_annotated(clip):
        raise UsageError(
            f"{clip.clip} has no annotation, which --segmenter annotations needs; "
            "name a network with --segmenter"
        )
    return AnnotationSegmenter(clip)


def planned(protocol: Protocol, clips: Sequence[FrameSource]) -> Mapping[str, tuple[Snippet, ...]]:
    """The origins of each clip; for a horizon of 0 s alone, every annotated frame itself.

    Raises:
        UsageError: No clip has room for the history and the farthest horizon.
    """
    plan: dict[str, tuple[Snippet, ...]] = {}
    if protocol.horizons_s == (0.0,):
        return {clip.clip: _present(clip)[:: protocol.every] for clip in clips}
    for clip in clips:
        annotated = clip.annotated if is_annotated(clip) else ()
        length = clip.num_frames or 0
        found = snippets(protocol, clip.clip, num_frames=length, annotated=annotated)
        plan[clip.clip] = found[:: protocol.every]
    if not any(plan.values()):
        raise UsageError(_too_short(protocol, clips))
    return plan


def _present(clip: FrameSource) -> tuple[Snippet, ...]:
    """Frames to segment and score as they are: nothing is forecast."""
    indices = clip.annotated if is_annotated(clip) else range(clip.num_frames or 0)
    return tuple(
        Snippet(origin=index, inputs=(index,), previous=None, targets={0.0: index})
        for index in indices
    )


def _too_short(protocol: Protocol, clips: Sequence[FrameSource]) -> str:
    longest = max(clips, key=lambda clip: clip.num_frames or 0)
    fps = protocol.fps_by_clip[longest.clip]
    history = (protocol.num_inputs - 1) * num_stride_frames(protocol.step_s, 1 / fps) + 1
    ahead = max(1, num_frames_in(max(protocol.horizons_s), 1 / fps))
    return (
        f"the longest of {len(clips)} clips has {longest.num_frames} frames at {fps:g} frames/s; "
        f"a horizon of {max(protocol.horizons_s):g} s needs {history + ahead} "
        f"({history} of history and {ahead} ahead"
        + (", with annotated targets" if "truth" in protocol.targets else "")
        + "); ask for shorter --horizons, or for --horizons 0 to score the segmenter itself"
    )


def score_clips(
    clips: Sequence[FrameSource],
    *,
    protocol: Protocol,
    plan: Mapping[str, tuple[Snippet, ...]],
    segmenters: Segmenters,
    predictors: Sequence[Predictor],
    space: LabelSpace,
    flow: FlowEstimator | None = None,
    refiner: Refiner | None = None,
    num_looks: int = 3,
    on_scored: Callable[[Scored], None] | None = None,
    extras: Sequence[Extra] = (),
    alone: Callable[[], None] = lambda: None,
) -> Evaluated:
    """Scores of every predictor, the oracle and the ceiling, and a few forecasts to look at.

    Args:
        clips: What is walked.
        protocol: What is asked.
        plan: The origins of each clip, from `planned`.
        segmenters: What sees each clip.
        predictors: Who forecasts; each name once.
        space: The classes that scores are counted in.
        flow: Estimates the true flow of the row `oracle-motion`; None leaves it out.
        refiner: Improves each segmentation; reset between clips.
        num_looks: Origins to keep pictures of, spread over the whole set.
        on_scored: Told of every comparison, as it is made.
        extras: Further scores of every comparison.
        alone: Forgets what predictors share, so that each is timed by itself.

    Raises:
        SourceError: A clip could not be read.
        UsageError: The protocol does not fit the clips.
    """
    tally, looks = _Tally(extras), list[Scored]()
    chosen = _chosen(plan, num_looks, anchored=protocol.origins == "anchored")
    for clip in clips:
        if not plan[clip.clip]:
            continue
        fps = protocol.fps_by_clip[clip.clip]
        walk = ClipWalk(
            clip=clip,
            snippets=plan[clip.clip],
            segmenter=segmenters(clip),
            predictors=predictors,
            targets=protocol.targets,
            space=space,
            frame_s=1 / fps,
            stride_s=num_stride_frames(protocol.step_s, 1 / fps) / fps,
            flow=flow,
            refiner=refiner,
            kept=chosen.get(clip.clip, frozenset()),
            extras=extras,
            alone=alone,
        )
        for scored in walk.run():
            tally.add(scored)
            if scored.now is not None:
                looks.append(scored)
            if on_scored is not None:
                on_scored(scored)
    return Evaluated(scores=tally.scores(), looks=tuple(looks), notes=tally.notes())


def _chosen(
    plan: Mapping[str, tuple[Snippet, ...]], count: int, *, anchored: bool
) -> Mapping[str, frozenset[int]]:
    """Origins to keep pictures of, by clip; where they are anchored, all those of a clip."""
    units = [
        (clip, group)
        for clip, found in plan.items()
        for group in ([found] if anchored else [(one,) for one in found])
        if group
    ]
    count = min(count, len(units))
    chosen: dict[str, frozenset[int]] = {}
    for one in range(count):
        clip, group = units[(2 * one + 1) * len(units) // (2 * count)]
        chosen[clip] = chosen.get(clip, frozenset()) | {each.origin for each in group}
    return chosen
