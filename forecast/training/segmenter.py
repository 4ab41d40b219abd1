"""`forecast train segmenter`: pictures, a teacher or annotation, and fast-scnn with its card.

The same command continues a run that was killed, and runs on several processes under torchrun.
Pictures and what they teach are prepared once and read from disk.
"""

from __future__ import annotations

import hashlib
from collections.abc import Sequence
from dataclasses import dataclass
from functools import partial
from pathlib import Path

import torch
from jaxtyping import Float, UInt8
from torch import Tensor

from forecast.checkpoints import LearntFrom
from forecast.errors import UsageError
from forecast.geometry.resize import one_hot, resize_maps
from forecast.labels import CITYSCAPES, lift_table
from forecast.segmentation.levels import IMAGENET_MEAN, IMAGENET_STD
from forecast.segmentation.networks.fast_scnn import FastSCNN
from forecast.specs import Spec, parsed, training_sources
from forecast.stages import AnnotatedSource, FrameSource, Segmenter, is_annotated
from forecast.training.data.clips import Clip, ClipHeader, ClipWriter
from forecast.training.ranks import first_rank_first
from forecast.training.run import RENDERED_TERMS, Audience, fitted, keep, placed_network
from forecast.training.settings import SegmenterRun
from forecast.training.tasks.pictures import segmenter_pictures
from forecast.training.tasks.segmenter import (
    PictureGroup,
    SegmenterSettings,
    SegmenterTask,
    TaughtClips,
    allowed,
)
from forecast.values import Frame, Segmentation

NAME = "fast-scnn"
_CELL_PX = 4
"""Pixels to a cell of what is taught, which is as fine as the network answers."""


@dataclass(frozen=True, slots=True, kw_only=True)
class _Taught:
    """The pictures of one clip."""

    spec: Spec
    clip: Clip

    @property
    def name(self) -> str:
        return self.clip.header.name

    def learnt_from(self) -> LearntFrom:
        """How the card names it."""
        header = self.clip.header
        return LearntFrom(
            name=header.name,
            terms=RENDERED_TERMS if self.spec.is_rendered else "as its makers state",
            num_frames=header.num_frames,
            sha256=header.fingerprint,
        )

    def group(self) -> PictureGroup:
        """Its pictures, each as often as the spec weighs it."""
        share = self.spec.weight * self.clip.header.num_frames
        return PictureGroup(pictures=TaughtClips([self.clip]), share=share)


def train_segmenter(
    settings: SegmenterRun,
    *,
    out: Path,
    teacher: Segmenter | None,
    audience: Audience = Audience(),  # noqa: B008 - frozen
) -> Path:
    """The file of trained weights, `OUT/fast-scnn.safetensors`, its card inside.

    Args:
        settings: What learns, from what, and how.
        out: Folder for prepared pictures, the state of the run, scalars and weights.
        teacher: Says what every pixel is; annotation rules out what it contradicts.
        audience: Who is told.

    Raises:
        UsageError: A setting, or what the data cannot give.
        SourceError: A source is not there or damaged.
        CheckpointError: `out` holds the state of another run.
    """
    wanted = [parsed(one, fps=settings.fps, weighed=True) for one in settings.data]
    with first_rank_first():
        clips = _prepared(wanted, teacher, settings, out / "pictures", audience)
    held = settings.held_out or (clips[-1].name,)
    develop = [one for one in clips if one.name in held]
    learnt = [one for one in clips if one.name not in held]
    if not learnt or not develop:
        there = ", ".join(one.name for one in clips)
        raise UsageError(f"one clip must teach and another judge; held out {held} of {there}")
    torch.manual_seed(settings.seed)
    network = FastSCNN(CITYSCAPES.num_classes)
    placed_network(network, settings)
    task = SegmenterTask(
        network,
        groups=[one.group() for one in learnt],
        develop=TaughtClips([one.clip for one in develop]),
        settings=SegmenterSettings(batch=settings.batch, window_hw=_window(learnt)),
        mean=IMAGENET_MEAN,
        std=IMAGENET_STD,
    )
    pictures = partial(segmenter_pictures, task)
    result = fitted(task, settings, out=out, pictures=pictures, audience=audience)
    sets = [one.learnt_from() for one in learnt]
    return keep(network, NAME, settings, result, sets, out=out)


def _prepared(
    specs: Sequence[Spec],
    teacher: Segmenter | None,
    settings: SegmenterRun,
    folder: Path,
    audience: Audience,
) -> list[_Taught]:
    found: list[_Taught] = []
    for spec in specs:
        for source in training_sources(spec):
            if source.clip in {one.name for one in found}:
                raise UsageError(f"two clips are called {source.clip}; rename one of them")
            clip = _taught(source, teacher, settings, folder / source.clip)
            audience.say(f"{source.clip}: {clip.header.num_frames} pictures")
            found.append(_Taught(spec=spec, clip=clip))
    return found


def _window(clips: Sequence[_Taught]) -> tuple[int, int]:
    """Three quarters of the smallest picture, in whole cells of 32 pixels where there is room."""
    sizes = [one.clip.frame(0).size_hw for one in clips]
    height, width = (min(size[side] for size in sizes) for side in (0, 1))
    return max(32, 3 * height // 4 // 32 * 32), max(32, 3 * width // 4 // 32 * 32)


def _taught(
    source: FrameSource, teacher: Segmenter | None, settings: SegmenterRun, folder: Path
) -> Clip:
    if source.num_frames is None:
        raise UsageError(f"{source.clip} has no known length; give a file, or a folder of pictures")
    kept = range(0, source.num_frames, settings.every)
    with source.open(only=kept[:1]) as frames:
        height, width = next(frames).size_hw
    grid_hw = (settings.height // _CELL_PX, round(settings.height * width / height / _CELL_PX))
    by = "" if teacher is None else teacher.fingerprint
    header = ClipHeader(
        name=source.clip,
        num_frames=len(kept),
        frame_s=settings.every / (source.fps or 1),
        grid_hw=grid_hw,
        space=CITYSCAPES.name,
        fingerprint=source.fingerprint,
        seen_by=hashlib.sha256(f"{by} within annotation".encode()).hexdigest(),
    )
    if not (folder / "clip.json").is_file() or Clip(folder).header != header:
        writer = ClipWriter(folder, header, soft=True, truth=False, picture_scale=_CELL_PX)
        with writer, source.open(only=kept) as frames:
            for frame in frames:
                writer.add(frame, _lesson(frame, source, teacher, grid_hw), None)
    return Clip(folder)


def _lesson(
    frame: Frame, source: FrameSource, teacher: Segmenter | None, grid_hw: tuple[int, int]
) -> Segmentation:
    """What a picture teaches: the teacher's belief within the annotation, or either alone."""
    truth = source if is_annotated(source) and frame.at.index in source.annotated else None
    if teacher is not None:
        belief = _asked(teacher, frame, grid_hw)
        if truth is not None:
            belief = _ruled(belief, truth, frame, grid_hw)
    elif truth is not None:
        belief = _certain(truth, frame, grid_hw)
    else:
        raise UsageError(f"{source.clip} has no labels to learn from; name a --teacher")
    return Segmentation(at=frame.at, space=CITYSCAPES, size_hw=frame.size_hw, probs=belief)


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
