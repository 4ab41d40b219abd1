"""Pictures to learn segmenting from, prepared once: what they show, by a teacher or annotation.

A teacher's belief is kept to what annotation allows; without a teacher only annotated frames are
taken. Axes: K classes, H W picture, h w grid.
"""

from __future__ import annotations

import hashlib
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path

import torch
from jaxtyping import Float, UInt8, UInt16
from torch import Tensor

from forecast.checkpoints import LearntFrom
from forecast.errors import UsageError
from forecast.geometry.resize import resize_maps
from forecast.geometry.spaces import collapse_probs
from forecast.labels import CITYSCAPES, LabelSpace, lift_table, space_named
from forecast.specs import RENDERED_TERMS, Spec, training_sources
from forecast.stages import AnnotatedSource, FrameSource, Segmenter, is_annotated
from forecast.training.data.choosing import left_after
from forecast.training.data.clips import Clip, ClipHeader, ClipWriter
from forecast.training.data.taught_pictures import PictureGroup, TaughtClips, allowed
from forecast.values import Frame, Segmentation

OWN = "own"
"""Names the label space of the data set's own annotation."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Lessons:
    """How pictures are prepared."""

    folder: Path
    teacher: Segmenter | None
    space: str | None
    """What is learnt: the name of a label space, or `OWN`; None is `OWN` without a teacher and
    Cityscapes with one."""
    cell_px: int
    """Pixels to a cell of what is taught."""
    height: int
    """Of the pictures."""
    every: int = 1
    """Which frames of each clip."""
    without: tuple[str, ...] = ()
    """Clips that are left out, by patterns of their names."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Taught:
    """The pictures of one clip."""

    spec: Spec
    clip: Clip

    @property
    def name(self) -> str:
        """The clip's."""
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


def prepared(
    specs: Sequence[Spec], lessons: Lessons, *, say: Callable[[str], None]
) -> tuple[list[Taught], LabelSpace]:
    """Every clip's pictures with what they teach, and in which classes.

    Raises:
        UsageError: Two clips have one name, nothing says what they show, their classes differ, or
            a pattern of `without` fits no clip, or all of them.
        SourceError: A source is not there or damaged.
    """
    every = [(spec, source) for spec in specs for source in training_sources(spec)]
    left = left_after([source.clip for _, source in every], lessons.without)
    found = [(spec, source) for spec, source in every if source.clip in left]
    names = [source.clip for _, source in found]
    for name in names:
        if names.count(name) > 1:
            raise UsageError(f"two clips are called {name}; rename one of them")
    space = _space(lessons, [source for _, source in found])
    taught: list[Taught] = []
    for spec, source in found:
        clip = _clip(source, space, lessons)
        say(f"{source.clip}: {clip.header.num_frames} pictures")
        taught.append(Taught(spec=spec, clip=clip))
    return taught, space


def _space(lessons: Lessons, sources: Sequence[FrameSource]) -> LabelSpace:
    named = lessons.space or (OWN if lessons.teacher is None else CITYSCAPES.name)
    if named != OWN:
        return space_named(named)
    spaces = {one.space.name: one.space for one in sources if is_annotated(one)}
    if len(spaces) == 1:
        return next(iter(spaces.values()))
    if spaces:
        raise UsageError(
            f"the data is annotated in {' and '.join(spaces)}; name what is learnt with --space, "
            "such as --space cityscapes"
        )
    raise UsageError("nothing here is annotated; name a --teacher, or data with labels")


def _clip(source: FrameSource, space: LabelSpace, lessons: Lessons) -> Clip:
    kept = _kept(source, lessons)
    with source.open(only=kept[:1]) as frames:
        height, width = next(frames).size_hw
    cell = lessons.cell_px
    grid_hw = (lessons.height // cell, round(lessons.height * width / height / cell))
    teacher = lessons.teacher
    by = "" if teacher is None else teacher.fingerprint
    header = ClipHeader(
        name=source.clip,
        num_frames=len(kept),
        frame_s=lessons.every / (source.fps or 1),
        grid_hw=grid_hw,
        space=space.name,
        fingerprint=source.fingerprint,
        seen_by=hashlib.sha256(f"{by} within annotation".encode()).hexdigest(),
    )
    folder = lessons.folder / source.clip
    if not (folder / "clip.json").is_file() or Clip(folder).header != header:
        writer = ClipWriter(folder, header, soft=True, truth=False, picture_scale=cell)
        with writer, source.open(only=kept) as frames:
            for frame in frames:
                belief = _belief(frame, source, teacher, space, grid_hw)
                seen = Segmentation(at=frame.at, space=space, size_hw=frame.size_hw, probs=belief)
                writer.add(frame, seen, None)
    return Clip(folder)


def _kept(source: FrameSource, lessons: Lessons) -> Sequence[int]:
    if source.num_frames is None:
        raise UsageError(f"{source.clip} has no known length; give a file, or a folder of pictures")
    every = range(0, source.num_frames, lessons.every)
    if lessons.teacher is not None:
        return every
    annotated = set(source.annotated) if is_annotated(source) else set[int]()
    known = [index for index in every if index in annotated]
    if not known:
        raise UsageError(f"{source.clip} has no labels to learn from; name a --teacher")
    return known


def _belief(
    frame: Frame,
    source: FrameSource,
    teacher: Segmenter | None,
    space: LabelSpace,
    grid_hw: tuple[int, int],
) -> Float[Tensor, "K h w"]:
    """What a picture teaches: the teacher's belief within the annotation, or either alone."""
    truth = source if is_annotated(source) and frame.at.index in source.annotated else None
    if teacher is None:
        assert truth is not None, "frames without labels are left out"
        return _certain(truth, frame, space, grid_hw)
    belief = _asked(teacher, frame, space, grid_hw)
    return belief if truth is None else _ruled(belief, truth, frame, space)


def _asked(
    teacher: Segmenter, frame: Frame, space: LabelSpace, grid_hw: tuple[int, int]
) -> Float[Tensor, "K h w"]:
    (seen,) = teacher([frame])
    if seen.probs is None:
        raise UsageError(f"{teacher.name} gives labels and no beliefs; name a network as --teacher")
    try:
        probs = collapse_probs(seen.probs.float().cpu(), seen.space, space)
    except UsageError as fault:
        raise UsageError(
            f"{teacher.name} speaks {seen.space.name}, and {space.name} is learnt; name a teacher "
            f"of these classes, or --space {seen.space.name}"
        ) from fault
    return resize_maps(probs, grid_hw)


def _ruled(
    belief: Float[Tensor, "K h w"], truth: AnnotatedSource, frame: Frame, space: LabelSpace
) -> Float[Tensor, "K h w"]:
    ids = truth.label_map(frame.at.index).ids
    height, width = belief.shape[-2:]
    rows = (torch.arange(height) * 2 + 1) * ids.shape[0] // (2 * height)
    columns = (torch.arange(width) * 2 + 1) * ids.shape[1] // (2 * width)
    small: UInt8[Tensor, "h w"] | UInt16[Tensor, "h w"] = ids[rows[:, None], columns]
    return allowed(belief, small, coarse=truth.space, fine=space)


def _certain(
    truth: AnnotatedSource, frame: Frame, space: LabelSpace, grid_hw: tuple[int, int]
) -> Float[Tensor, "K h w"]:
    """Shares of each class in a cell; void says nothing."""
    table = torch.from_numpy(lift_table(truth.space, space))
    ids = table[truth.label_map(frame.at.index).ids.long()]
    # Class by class, since all of a large picture at once is 159 MB at 1024x2048.
    shares = [resize_maps((ids == one).float()[None], grid_hw) for one in range(space.num_classes)]
    return torch.cat(shares)
