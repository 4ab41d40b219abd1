"""`forecast train predictor`: clips, a network, a long run, and weights with a card.

The same command continues a run that was killed, and runs on several processes under torchrun.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import Any

import torch
from torch import Tensor

from forecast.errors import UsageError
from forecast.flow.dis import DisFlow
from forecast.prediction.flow_guided.network import FlowGuidedNetwork
from forecast.prediction.flow_guided.predictor import GRID_HW
from forecast.prediction.flow_guided.weights import NUM_OBSERVATIONS
from forecast.prediction.networks import NUM_CLASSES, TRAINABLE, Kind
from forecast.prediction.one_step.s2s import S2SNetwork, start_as_copy
from forecast.specs import parsed
from forecast.stages import FlowEstimator
from forecast.training.data.clips import Clip
from forecast.training.data.evenly import EvenDrawer, even_run
from forecast.training.data.prepare import Preparation, Prepared, Teacher, prepare, split
from forecast.training.data.samples import Sample, SampleDrawer, SampleSettings, sample_at
from forecast.training.data.stored_flow import StoredFlow
from forecast.training.data.true_flow import FlowByClip, TrueFlow
from forecast.training.fit import Task
from forecast.training.ranks import first_rank_first, local_device
from forecast.training.run import Audience, fitted, keep, placed_network
from forecast.training.settings import PredictorRun
from forecast.training.tasks.adversarial import AdversarialSettings, AdversarialTask, kept
from forecast.training.tasks.discriminator import SequenceDiscriminator
from forecast.training.tasks.flow_guided import FlowGuidedSettings, FlowGuidedTask
from forecast.training.tasks.flow_rollout import FlowRolloutTask
from forecast.training.tasks.one_step import OneStepSettings, OneStepTask
from forecast.training.tasks.pictures import (
    Pictures,
    flow_guided_pictures,
    flow_rollout_pictures,
    one_step_pictures,
)
from forecast.values import num_frames_in, num_stride_frames

_NUM_MAPS = 4
"""Inputs of one-step networks."""
_STEP_S = 3 / 17
_WINDOW_HW = (96, 192)
_CHECKED_S = (0.2, 0.6, 1.0)
_CHECK_EVERY = 6
_CHECKED_STEPS = 3
_CHECKED_ROLLOUT = 5
_NEEDED_S = 2.0
"""A clip to choose weights by must last this long: four inputs and a second."""


@dataclass(frozen=True, slots=True, kw_only=True)
class _Learnt:
    """What clips there are to learn from and to choose by."""

    clips: Sequence[Clip]
    weights: Sequence[float]
    checks: Sequence[Clip]
    flow: FlowEstimator


def train_predictor(
    settings: PredictorRun,
    *,
    out: Path,
    teacher: Teacher | None,
    apart: Mapping[str, Teacher] | None = None,
    audience: Audience = Audience(),  # noqa: B008 - frozen
) -> Path:
    """The file of trained weights, `OUT/NAME.safetensors`, its card inside.

    Args:
        settings: What learns, from what, and how.
        out: Folder for prepared clips, the state of the run, scalars, pictures and weights.
        teacher: Teaches what clips without annotation show; made when it is first asked.
        apart: Instead of it, teachers by name, each learnt from by itself.
        audience: Who is told.

    Raises:
        UsageError: A setting, or what the data cannot give.
        SourceError: A source is not there or damaged.
        CheckpointError: `out` holds the state of another run.
    """
    faults = settings.problems()
    if faults:
        raise UsageError("; ".join(faults))
    how = Preparation(
        folder=out / "clips",
        teacher=teacher,
        apart=apart or {},
        grid_hw=_grid_hw(settings.predictor),
        without=settings.without,
        pictures=TRAINABLE[settings.predictor].needs_pictures,
    )
    wanted = [parsed(one, fps=settings.fps, weighed=True) for one in settings.data]
    with first_rank_first():
        prepared = prepare(wanted, how, say=audience.say)
    clips, weights, checks = split(prepared, settings.held_out)
    flow = _flow(settings, prepared, out / "flow")
    torch.manual_seed(settings.seed)
    learnt = _Learnt(clips=clips, weights=weights, checks=checks, flow=flow)
    task, pictures = _task(settings, learnt)
    result = fitted(task, settings, out=out, pictures=pictures, audience=audience)
    sets = [one.learnt_from() for one in prepared]
    return keep(kept(task.network), settings.predictor, settings, result, sets, out=out)


def _grid_hw(predictor: str) -> tuple[int, int]:
    """Grid of the maps to learn from: a flow-guided network corrects finer ones than it sees."""
    height, width = GRID_HW
    return (2 * height, 2 * width) if TRAINABLE[predictor].needs_flow else GRID_HW


def _flow(settings: PredictorRun, prepared: Sequence[Prepared], folder: Path) -> FlowEstimator:
    """Flow that is computed once; the clips' own where they know it and that is asked for."""
    longest = max((clip.header.num_frames for one in prepared for clip in one.clips), default=0)
    estimated = StoredFlow(DisFlow(), folder, num_frames=longest)
    knowing = {name: clip for one in prepared for name, clip in one.knowing_flow.items()}
    if settings.flow != "exact" or not knowing:
        return estimated
    exact = StoredFlow(TrueFlow(knowing), folder, num_frames=longest)
    return FlowByClip(dict.fromkeys(knowing, exact), estimated)


def _task(settings: PredictorRun, learnt: _Learnt) -> tuple[Task[Any], Callable[[], Pictures]]:
    """What is learnt, and what can be looked at while it is."""
    network = TRAINABLE[settings.predictor].build(settings.width)
    if settings.init is None and isinstance(network, S2SNetwork):
        start_as_copy(network)
    placed_network(network, settings)
    if isinstance(network, FlowGuidedNetwork):
        return _guided(network, settings, learnt)
    rgb = TRAINABLE[settings.predictor].needs_pictures
    runs = EvenDrawer(
        learnt.clips,
        learnt.weights,
        length=_NUM_MAPS + settings.unroll,
        pictures=rgb,
        window_hw=settings.window or GRID_HW,
        zoom_share=settings.zoom_share,
    )
    one_step = OneStepSettings(
        unroll=settings.unroll,
        batch=settings.batch,
        jaccard=settings.jaccard,
        shuffled=settings.shuffled,
    )
    held = {clip.header.name: _runs(clip, pictures=rgb) for clip in learnt.checks}
    task = OneStepTask(network, runs, [run for one in held.values() for run in one], one_step)
    firsts = {name: found[0] for name, found in held.items()}
    pictures = partial(one_step_pictures, network, firsts, num_inputs=_NUM_MAPS)
    return (_judged(task, settings) if settings.predictor == "s2s-adv" else task), pictures


def _guided(
    network: FlowGuidedNetwork, settings: PredictorRun, learnt: _Learnt
) -> tuple[Task[Any], Callable[[], Pictures]]:
    rolled = TRAINABLE[settings.predictor].kind is Kind.FLOW_ROLLOUT
    shown = SampleSettings(
        num_observations=NUM_OBSERVATIONS, unroll=settings.unroll if rolled else 0
    )
    drawer = SampleDrawer(learnt.clips, learnt.weights, learnt.flow, shown)
    checks = {
        clip.header.name: _samples(clip, learnt.flow, rolled=rolled) for clip in learnt.checks
    }
    guided = FlowGuidedSettings(batch=settings.batch, window_hw=settings.window or _WINDOW_HW)
    looks = {name: samples[0] for name, samples in checks.items()}
    if rolled:
        task = FlowRolloutTask(network, drawer, checks, guided)
        return task, partial(flow_rollout_pictures, network, looks)
    task = FlowGuidedTask(network, drawer, checks, guided)
    return task, partial(flow_guided_pictures, network, looks)


def _judged(task: OneStepTask, settings: PredictorRun) -> AdversarialTask:
    judge = SequenceDiscriminator(num_maps=_NUM_MAPS + 1, num_channels=NUM_CLASSES)
    weight = AdversarialSettings(adversarial=settings.adversarial)
    return AdversarialTask(task, judge.to(local_device(settings.device)), weight)


def _samples(clip: Clip, flow: FlowEstimator, *, rolled: bool) -> list[Sample]:
    """Soft maps of a clip at the horizons that are checked, or at as many strides."""
    frame_s, count = clip.header.frame_s, clip.header.num_frames
    stride = num_stride_frames(_STEP_S, frame_s)
    ahead = [num_frames_in(one, frame_s) for one in _CHECKED_S]
    if rolled:
        ahead = [stride * (1 + step) for step in range(_CHECKED_ROLLOUT)]
    origins = range((NUM_OBSERVATIONS - 1) * stride, count - max(ahead), _CHECK_EVERY)
    if not origins:
        raise UsageError(
            f"{clip.header.name} lasts {count * frame_s:.1f} s and about {_NEEDED_S:g} s are "
            "needed to choose weights by; hold out a longer clip"
        )
    return [
        sample_at(clip, flow, one, stride, ahead, NUM_OBSERVATIONS, hard=False) for one in origins
    ]


def _runs(clip: Clip, *, pictures: bool) -> list[Tensor]:
    frame_s, count = clip.header.frame_s, clip.header.num_frames
    stride = num_stride_frames(_STEP_S, frame_s)
    span = stride * (_NUM_MAPS + _CHECKED_STEPS - 1)
    if count <= span:
        raise UsageError(f"{clip.header.name} is too short to choose weights by; hold out another")
    return [
        even_run(clip, range(one, one + span + 1, stride), pictures=pictures)
        for one in range(0, count - span, _CHECK_EVERY)
    ]
