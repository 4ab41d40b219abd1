"""`forecast train segmenter`: pictures, a teacher or annotation, and fast-scnn with its card.

The same command continues a run that was killed, and runs on several processes under torchrun.
Pictures are kept in memory at a fixed height: 0.6 MB each at 256x512.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import asdict, dataclass
from pathlib import Path

import torch
from jaxtyping import Float, UInt8
from torch import Tensor

from forecast.checkpoints import LearntFrom, ModelCard, load_into, load_state, save
from forecast.errors import UsageError
from forecast.geometry.resize import one_hot, resize_maps, resize_rgb
from forecast.labels import CITYSCAPES, lift_table
from forecast.segmentation.fast_scnn import FastSCNN
from forecast.segmentation.segmenter import IMAGENET_MEAN, IMAGENET_STD
from forecast.stages import AnnotatedSource, FrameSource, Segmenter, is_annotated
from forecast.training.fit import FitResult, FitSettings, Progress, fit
from forecast.training.segmenter import (
    PictureGroup,
    SegmenterSettings,
    SegmenterTask,
    TaughtPicture,
    allowed,
)
from forecast.values import Frame
from pipelines.provenance import commit
from pipelines.scalars import Scalars
from pipelines.train_settings import TrainSegmenterSettings
from pipelines.training_clips import training_sources, weighed

NAME = "fast-scnn"


@dataclass(frozen=True, slots=True, kw_only=True)
class _Taught:
    """The pictures of one clip."""

    source: FrameSource
    weight: float
    pictures: tuple[TaughtPicture, ...]


def train_segmenter(
    specs: Sequence[str],
    settings: TrainSegmenterSettings,
    *,
    out: Path,
    teacher: Segmenter | None,
    report: Callable[[Progress], None] = lambda _: None,
    say: Callable[[str], None] = lambda _: None,
) -> Path:
    """The file of trained weights, `OUT/fast-scnn.safetensors`, its card inside.

    Args:
        specs: Data sets, folders, videos, or `street:N`; `=W` after one weighs it.
        settings: What learns, and how.
        out: Folder for the state of the run, scalars and weights.
        teacher: Says what every pixel is; annotation rules out what it contradicts.
        report: Called after every step.
        say: Told in a line what is prepared.

    Raises:
        UsageError: A setting, or what the data cannot give.
        SourceError: A source is not there or damaged.
        CheckpointError: `out` holds the state of another run.
    """
    clips = [
        _taught(one, teacher, settings, say) for spec in specs for one in _named(spec, settings)
    ]
    held = settings.held_out or (clips[-1].source.clip,)
    develop = [one for one in clips if one.source.clip in held]
    learnt = [one for one in clips if one.source.clip not in held]
    if not learnt or not develop:
        there = ", ".join(one.source.clip for one in clips)
        raise UsageError(f"one clip must teach and another judge; held out {held} of {there}")
    torch.manual_seed(settings.seed)
    network = FastSCNN(CITYSCAPES.num_classes)
    if settings.init is not None:
        load_into(network, load_state(settings.init), source=str(settings.init))
    task = SegmenterTask(
        network,
        groups=[PictureGroup(pictures=one.pictures, share=_share(one)) for one in learnt],
        develop=[picture for one in develop for picture in one.pictures],
        settings=SegmenterSettings(batch=settings.batch, window_hw=_window(learnt)),
        mean=IMAGENET_MEAN,
        std=IMAGENET_STD,
    )
    result = _fitted(task, settings, out, report)
    path = out / f"{NAME}.safetensors"
    save(path, network.state_dict(), _card(settings, learnt, result))
    return path


def _fitted(
    task: SegmenterTask,
    settings: TrainSegmenterSettings,
    out: Path,
    report: Callable[[Progress], None],
) -> FitResult:
    fit_settings = FitSettings(
        steps=settings.steps,
        learning_rate=settings.learning_rate,
        seed=settings.seed,
        score_every=settings.score_every,
        precision=settings.precision,
    )
    with Scalars(out / "scalars") as scalars:

        def told(progress: Progress) -> None:
            scalars.add(progress)
            report(progress)

        return fit(task, fit_settings, folder=out, report=told)


def _named(spec: str, settings: TrainSegmenterSettings) -> list[tuple[FrameSource, float]]:
    name, weight = weighed(spec)
    return [(source, weight) for source in training_sources(name, settings.fps)]


def _share(one: _Taught) -> float:
    return one.weight * len(one.pictures)


def _window(clips: Sequence[_Taught]) -> tuple[int, int]:
    """Three quarters of the smallest picture, in whole cells of 32 pixels where there is room."""
    height = min(one.rgb.shape[-2] for clip in clips for one in clip.pictures)
    width = min(one.rgb.shape[-1] for clip in clips for one in clip.pictures)
    return max(32, 3 * height // 4 // 32 * 32), max(32, 3 * width // 4 // 32 * 32)


def _taught(
    named: tuple[FrameSource, float],
    teacher: Segmenter | None,
    settings: TrainSegmenterSettings,
    say: Callable[[str], None],
) -> _Taught:
    source, weight = named
    with source.open() as frames:
        pictures = tuple(
            _picture(frame, source, teacher, settings.height)
            for frame in frames
            if frame.at.index % settings.every == 0
        )
    say(f"{source.clip}: {len(pictures)} pictures")
    return _Taught(source=source, weight=weight, pictures=pictures)


def _picture(
    frame: Frame, source: FrameSource, teacher: Segmenter | None, height: int
) -> TaughtPicture:
    width = round(height * frame.size_hw[1] / frame.size_hw[0] / 4) * 4
    grid_hw = (height // 4, width // 4)
    truth = source if is_annotated(source) and frame.at.index in source.annotated else None
    if teacher is not None:
        belief = _asked(teacher, frame, grid_hw)
        if truth is not None:
            belief = _ruled(belief, truth, frame, grid_hw)
    elif truth is not None:
        belief = _certain(truth, frame, grid_hw)
    else:
        raise UsageError(f"{source.clip} has no labels to learn from; name a --teacher")
    return TaughtPicture(
        rgb=resize_rgb(frame.rgb, (height, width)), belief=(belief * 255).round().byte()
    )


def _asked(teacher: Segmenter, frame: Frame, grid_hw: tuple[int, int]) -> Float[Tensor, "K h w"]:
    (seen,) = teacher([frame])
    if seen.space != CITYSCAPES or seen.probs is None:
        raise UsageError(
            f"{teacher.name} speaks {seen.space.name}; a teacher must speak cityscapes"
        )
    return resize_maps(seen.probs.float().cpu(), grid_hw)


def _ruled(
    belief: Float[Tensor, "K h w"],
    truth: AnnotatedSource,
    frame: Frame,
    grid_hw: tuple[int, int],
) -> Float[Tensor, "K h w"]:
    ids = truth.label_map(frame.at.index).ids.byte()
    rows = (torch.arange(grid_hw[0]) * 2 + 1) * ids.shape[0] // (2 * grid_hw[0])
    columns = (torch.arange(grid_hw[1]) * 2 + 1) * ids.shape[1] // (2 * grid_hw[1])
    small: UInt8[Tensor, "h w"] = ids[rows[:, None], columns]
    return allowed(belief, small, coarse=truth.space, fine=CITYSCAPES)


def _certain(
    truth: AnnotatedSource, frame: Frame, grid_hw: tuple[int, int]
) -> Float[Tensor, "K h w"]:
    """Shares of each class in a cell; void says nothing."""
    table = torch.from_numpy(lift_table(truth.space, CITYSCAPES))
    ids = table[truth.label_map(frame.at.index).ids.long()]
    return resize_maps(one_hot(ids, CITYSCAPES.num_classes), grid_hw)


def _card(
    settings: TrainSegmenterSettings, learnt: Sequence[_Taught], result: FitResult
) -> ModelCard:
    rendered = all(one.source.clip.startswith("street") for one in learnt)
    ours = rendered and settings.teacher is None
    return ModelCard(
        name=NAME,
        network=NAME,
        space=CITYSCAPES.name,
        terms="Apache-2.0" if ours else "those of the data it learnt from; see learnt_from",
        learnt_from=tuple(
            LearntFrom(
                name=one.source.clip,
                terms="Apache-2.0 (rendered here)" if rendered else "as its makers state",
                num_frames=len(one.pictures),
                sha256=one.source.fingerprint,
            )
            for one in learnt
        ),
        recipe={name: str(value) for name, value in asdict(settings).items()}
        | {"best_step": result.step},
        scores=dict(result.scores),
        commit=commit(),
    )
