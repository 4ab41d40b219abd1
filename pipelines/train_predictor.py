"""`forecast train predictor`: clips, a network, a long run, and weights with a card.

The same command continues a run that was killed, and runs on several processes under torchrun.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import asdict
from pathlib import Path
from typing import Any

import torch
from torch import Tensor, nn

from forecast.checkpoints import ModelCard, load_into, load_state, read_card, save
from forecast.errors import UsageError
from forecast.flow.dis import DisFlow
from forecast.prediction.conv_lstm import ConvLSTMNetwork
from forecast.prediction.flow_guided import GRID_HW
from forecast.prediction.flow_guided_network import WIDTHS, FlowGuidedNetwork
from forecast.prediction.s2s import S2SNetwork, start_as_copy
from forecast.stages import Segmenter
from forecast.training.adversarial import SequenceDiscriminator
from forecast.training.clips import Clip
from forecast.training.evenly import EvenDrawer, even_run
from forecast.training.fit import FitResult, FitSettings, Progress, Task, fit
from forecast.training.samples import Sample, SampleDrawer, SampleSettings, sample_at
from forecast.training.stored_flow import StoredFlow
from pipelines.adversarial_task import AdversarialSettings, AdversarialTask, kept
from pipelines.flow_guided_task import FlowGuidedSettings, FlowGuidedTask
from pipelines.one_step_task import OneStepSettings, OneStepTask
from pipelines.provenance import commit
from pipelines.scalars import Scalars
from pipelines.train_settings import TrainPredictorSettings
from pipelines.training_clips import Prepared, prepare, split

FLOW_GUIDED = {f"flow-guided-{size}": width for size, width in WIDTHS.items()}
NUM_CLASSES = 19
_NUM_MAPS = 4
_CHECKED_S = (0.2, 0.6, 1.0)
_CHECK_EVERY = 6
_CHECKED_STEPS = 3
_NEEDED_S = 2.0
"""A clip to choose weights by must last this long: four inputs and a second."""


def train_predictor(
    specs: Sequence[str],
    settings: TrainPredictorSettings,
    *,
    out: Path,
    segmenter: Segmenter | None,
    report: Callable[[Progress], None] = lambda _: None,
    say: Callable[[str], None] = lambda _: None,
) -> Path:
    """The file of trained weights, `OUT/NAME.safetensors`, its card inside.

    Args:
        specs: Data sets, folders, videos, or `street:N`; `=W` after one weighs it.
        settings: What learns, and how.
        out: Folder for prepared clips, the state of the run, scalars and weights.
        segmenter: Teaches what clips without annotation show.
        report: Called after every step.
        say: Told in a line what is prepared.

    Raises:
        UsageError: A setting, or what the data cannot give.
        SourceError: A source is not there or damaged.
        CheckpointError: `out` holds the state of another run.
    """
    faults = settings.problems()
    if faults:
        raise UsageError("; ".join(faults))
    prepared = prepare(
        specs, out / "clips", segmenter=segmenter, grid_hw=GRID_HW, fps=settings.fps, say=say
    )
    clips, weights, checks = split(prepared, settings.held_out or _last_name(prepared))
    torch.manual_seed(settings.seed)
    task = _task(settings, clips, weights, checks, out)
    fit_settings = FitSettings(
        steps=settings.steps,
        learning_rate=settings.learning_rate,
        optimizer=settings.optimizer,
        seed=settings.seed,
        score_every=settings.score_every,
        precision=settings.precision,
    )
    with Scalars(out / "scalars") as scalars:

        def told(progress: Progress) -> None:
            scalars.add(progress)
            report(progress)

        kind = torch.device(settings.device).type
        result = fit(task, fit_settings, folder=out, device=kind, report=told)
    path = out / f"{settings.predictor}.safetensors"
    save(path, kept(task.network).state_dict(), _card(settings, prepared, result))
    return path


def _last_name(prepared: Sequence[Prepared]) -> tuple[str, ...]:
    names = [clip.header.name for one in prepared for clip in one.clips]
    if len(names) < 2:
        raise UsageError("one clip cannot both teach and judge; name at least two")
    return (names[-1],)


def _card(
    settings: TrainPredictorSettings, prepared: Sequence[Prepared], result: FitResult
) -> ModelCard:
    rendered = all(one.spec.startswith("street") for one in prepared)
    recipe = {name: str(value) for name, value in asdict(settings).items()}
    return ModelCard(
        name=settings.predictor,
        network=settings.predictor,
        space="cityscapes",
        terms="Apache-2.0" if rendered else "those of the data it learnt from; see learnt_from",
        learnt_from=tuple(one.learnt_from() for one in prepared),
        recipe=recipe | {"best_step": result.step},
        scores=dict(result.scores),
        commit=commit(),
    )


def predictor_network(name: str, *, width: float = 1.0) -> nn.Module:
    """An untrained network of that name for Cityscapes' classes."""
    if name in FLOW_GUIDED:
        return FlowGuidedNetwork(
            num_classes=NUM_CLASSES, num_maps=_NUM_MAPS, width=FLOW_GUIDED[name]
        )
    if name == "conv-lstm":
        return ConvLSTMNetwork(num_classes=NUM_CLASSES, channels=max(1, round(24 * width)))
    channels = 3 if name == "x2x" else NUM_CLASSES
    return S2SNetwork(num_classes=channels, width=width, dilation=2 if name == "s2s-dil" else 1)


def _task(
    settings: TrainPredictorSettings,
    clips: Sequence[Clip],
    weights: Sequence[float],
    checks: Sequence[Clip],
    out: Path,
) -> Task[Any]:
    network = predictor_network(settings.predictor, width=settings.width)
    if settings.init is None and isinstance(network, S2SNetwork):
        start_as_copy(network)
    if settings.init is not None:
        load_into(network, load_state(settings.init), source=str(settings.init))
    network.to(settings.device)
    if isinstance(network, FlowGuidedNetwork):
        flow = StoredFlow(DisFlow(), out / "flow")
        drawer = SampleDrawer(clips, weights, flow, SampleSettings())
        looks = {clip.header.name: _samples(clip, flow) for clip in checks}
        return FlowGuidedTask(network, drawer, looks, FlowGuidedSettings(batch=settings.batch))
    pictures = settings.predictor == "x2x"
    runs = EvenDrawer(clips, weights, length=_NUM_MAPS + settings.unroll, pictures=pictures)
    one_step = OneStepSettings(unroll=settings.unroll, batch=settings.batch)
    held = [run for clip in checks for run in _runs(clip, pictures=pictures)]
    task = OneStepTask(network, runs, held, one_step)
    return _judged(task, settings) if settings.predictor == "s2s-adv" else task


def _judged(task: OneStepTask, settings: TrainPredictorSettings) -> AdversarialTask:
    judge = SequenceDiscriminator(num_maps=_NUM_MAPS + 1, num_channels=NUM_CLASSES)
    weight = AdversarialSettings(adversarial=settings.adversarial)
    return AdversarialTask(task, judge.to(settings.device), weight)


def _samples(clip: Clip, flow: StoredFlow) -> list[Sample]:
    """Soft maps of a clip at the horizons that are checked."""
    frame_s, count = clip.header.frame_s, clip.header.num_frames
    stride, ahead = max(1, round(3 / 17 / frame_s)), [round(one / frame_s) for one in _CHECKED_S]
    origins = range((_NUM_MAPS - 1) * stride, count - max(ahead), _CHECK_EVERY)
    if not origins:
        raise UsageError(
            f"{clip.header.name} lasts {count * frame_s:.1f} s and about {_NEEDED_S:g} s are "
            "needed to choose weights by; hold out a longer clip"
        )
    return [sample_at(clip, flow, one, stride, ahead, _NUM_MAPS, hard=False) for one in origins]


def _runs(clip: Clip, *, pictures: bool) -> list[Tensor]:
    frame_s, count = clip.header.frame_s, clip.header.num_frames
    stride = max(1, round(3 / 17 / frame_s))
    span = stride * (_NUM_MAPS + _CHECKED_STEPS - 1)
    if count <= span:
        raise UsageError(f"{clip.header.name} is too short to choose weights by; hold out another")
    return [
        even_run(clip, range(one, one + span + 1, stride), pictures=pictures)
        for one in range(0, count - span, _CHECK_EVERY)
    ]


def trained_name(path: Path) -> str:
    """What the weights in a file are of."""
    return read_card(path).network
