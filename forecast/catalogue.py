"""Names become things here, and nowhere else.

A wrong name is answered with the right ones. Packages add their own segmenters and predictors
(docs/extending.md).
Nothing heavy is imported before something is built.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from forecast import plugins as plugin_groups
from forecast.errors import UsageError
from forecast.plugins import Plugin, plugins
from forecast.prediction.networks import TRAINABLE, Kind
from forecast.segmentation.names import SEGMENTERS

if TYPE_CHECKING:
    from forecast.device import Placement
    from forecast.flow.cache import CachedFlow
    from forecast.stages import FlowEstimator, Predictor, Refiner, Segmenter


@dataclass(frozen=True, slots=True, kw_only=True)
class PredictorParts:
    """What predictors are made from."""

    flow: FlowEstimator
    segmenter: Segmenter | None
    """For predictors that segment forecast frames; None where there is no network."""
    weights: Path | None
    placement: Placement


def _copy_last(_: PredictorParts) -> Predictor:
    from forecast.prediction.copy_last import CopyLast

    return CopyLast()


def _flow_warp(parts: PredictorParts) -> Predictor:
    from forecast.prediction.warping.flow_warp import FlowWarp

    return FlowWarp(parts.flow)


def _flow_warp_splat(parts: PredictorParts) -> Predictor:
    from forecast.prediction.warping.flow_warp_splat import FlowWarpSplat

    return FlowWarpSplat(parts.flow)


def _flow_warp_blend(parts: PredictorParts) -> Predictor:
    from forecast.prediction.flow_guided.blend import flow_warp_blend

    return flow_warp_blend(parts.flow, placement=parts.placement)


def _frames_then_segment(parts: PredictorParts) -> Predictor:
    from forecast.prediction.warping.frames_then_segment import FramesThenSegment

    if parts.segmenter is None:
        raise UsageError(
            "frames-then-segment needs a network to segment its frames; name one with "
            "--frame-segmenter"
        )
    return FramesThenSegment(parts.flow, parts.segmenter)


def _trained(name: str) -> Callable[[PredictorParts], Predictor]:
    """What builds a network of the table from its weights, bundled or given."""
    kind = TRAINABLE[name].kind

    def build(parts: PredictorParts) -> Predictor:
        from forecast.checkpoints import bundled

        if kind is Kind.PICTURES and parts.segmenter is None:
            raise UsageError(
                f"{name} needs a network to segment its pictures; name one with --frame-segmenter"
            )
        weights = parts.weights or bundled(name)
        if TRAINABLE[name].needs_flow:
            from forecast.prediction.flow_guided.weights import load_flow_guided

            return load_flow_guided(weights, parts.flow, placement=parts.placement)
        from forecast.prediction.one_step.weights import load_one_step, load_x2x

        if parts.segmenter is not None and kind is Kind.PICTURES:
            return load_x2x(weights, parts.segmenter, placement=parts.placement)
        return load_one_step(weights, placement=parts.placement, network=name)

    return build


PREDICTORS: Mapping[str, tuple[str, Callable[[PredictorParts], Predictor]]] = {
    "copy-last": ("the last segmentation again: the floor", _copy_last),
    "flow-warp": ("carried along optical flow, trajectory rule: the rival", _flow_warp),
    "flow-warp-splat": ("splatted along optical flow, nearest object on top", _flow_warp_splat),
    "flow-warp-blend": (
        "flow-warp, mixed with older maps, other flows and the still map; no training",
        _flow_warp_blend,
    ),
    "frames-then-segment": (
        "the picture forecast by warping, then segmented",
        _frames_then_segment,
    ),
    **{name: (one.what, _trained(name)) for name, one in TRAINABLE.items()},
}
"""Name -> what it is, and what builds it."""


def plugged_predictors() -> Mapping[str, Plugin]:
    """Predictors of other packages, by name."""
    return plugins(plugin_groups.PREDICTORS, taken=PREDICTORS)


def plugged_segmenters() -> Mapping[str, Plugin]:
    """Segmenters of other packages, by name."""
    return plugins(plugin_groups.SEGMENTERS, taken=SEGMENTERS)


def bundled_predictors() -> list[str]:
    """Learned predictors whose weights are in this installation."""
    from forecast.checkpoints import bundled_names

    return [name for name in PREDICTORS if name in bundled_names()]


AUTO = "auto"
"""`flow-guided-small` with segmenters that it is known not to lose with, `flow-warp-blend` with all
others (`prediction/guard.py`)."""


def build_predictor(
    name: str,
    *,
    flow: FlowEstimator,
    segmenter: Segmenter | None,
    placement: Placement,
    weights: Path | None = None,
) -> Predictor:
    """The predictor of that name, or the one that `AUTO` means.

    Raises:
        UsageError: No predictor has that name, or it needs a segmenter and there is none.
        CheckpointError: Its weights are missing, damaged or of another shape.
    """
    if name == AUTO:
        from forecast.prediction.guard import guarded

        name = guarded(segmenter)
    parts = PredictorParts(flow=flow, segmenter=segmenter, weights=weights, placement=placement)
    if name in PREDICTORS:
        return PREDICTORS[name][1](parts)
    from forecast.stages import Predictor

    others = plugged_predictors()
    if name in others:
        return others[name].built(
            Predictor, flow=flow, segmenter=segmenter, weights=weights, placement=placement
        )
    known = ", ".join([*PREDICTORS, *others])
    raise UsageError(f"no predictor is called {name!r}; known: {known}")


def build_segmenter(
    name: str,
    *,
    placement: Placement,
    weights: Path | None = None,
    input_hw: tuple[int, int] | None = None,
) -> Segmenter:
    """The segmenter of that name, with its weights.

    Raises:
        UsageError: No segmenter has that name.
        CheckpointError: Its weights are missing, damaged or of another shape.
    """
    from forecast.segmentation import build
    from forecast.stages import Segmenter

    others = plugged_segmenters()
    if name in others:
        return others[name].built(
            Segmenter, placement=placement, weights=weights, input_hw=input_hw
        )
    if not build.is_known(name):
        known = ", ".join([*SEGMENTERS, *others])
        raise UsageError(f"no segmenter is called {name!r}; known: {known}")
    return build.build_segmenter(name, weights=weights, placement=placement, input_hw=input_hw)


def build_refiner(names: Sequence[str], *, flow: FlowEstimator) -> Refiner | None:
    """The refiners of those names, one after the other; None of no name.

    Raises:
        UsageError: No refiner has such a name or setting, or its value does not fit.
    """
    from forecast.refinement import build

    return build.build_refiner(names, flow=flow)


FLOWS: Mapping[str, str] = {
    "dis": "dense inverse search (OpenCV, medium preset); needs no weights",
    "raft-small": "RAFT, small; needs --flow-weights",
    "raft-large": "RAFT, large; needs --flow-weights",
}
"""Name -> what it is."""


def build_flow(name: str, *, weights: Path | None, placement: Placement) -> CachedFlow:
    """The optical flow of that name, remembering the pairs it was last asked for.

    Raises:
        UsageError: No flow has that name, or RAFT was named without weights.
    """
    from forecast.flow.cache import CachedFlow

    if name == "dis":
        from forecast.flow.dis import DisFlow

        return CachedFlow(DisFlow())
    if name not in FLOWS:
        raise UsageError(f"no flow is called {name!r}; known: {', '.join(FLOWS)}")
    if weights is None:
        raise UsageError(f"{name} needs its weights: pass --flow-weights FILE")
    from forecast.flow.raft import RaftFlow

    return CachedFlow(RaftFlow(weights, name=name, placement=placement))
