"""From what a person names to clips that training reads: prepared once, kept beside the run.

A spec is a data set, folder, video or glob, or `street:N` for N rendered streets; `=W` after it
weighs its clips. Annotated frames teach by their labels, all others by the segmenter's maps.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path

from forecast.checkpoints import LearntFrom
from forecast.errors import UsageError
from forecast.sources.find import find_sources
from forecast.stages import AnnotatedSource, FrameSource, Segmenter, is_annotated
from forecast.training.clips import Clip, ClipHeader, ClipWriter

FIRST_STREET_SEED = 1000
"""Seeds below are for tests and judging (docs/splits.md)."""
_STREET_FRAMES = 40
_STREET_FPS = 15.0
_SHORTEST = 12
"""Clips with fewer frames have no past and future to learn from."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Prepared:
    """Clips of one spec."""

    spec: str
    weight: float
    clips: tuple[Clip, ...]

    def learnt_from(self) -> LearntFrom:
        """How the card names them."""
        rendered = self.spec.startswith("street")
        return LearntFrom(
            name=Path(self.spec).name,
            terms="Apache-2.0 (rendered here)" if rendered else "as its makers state; see README",
            num_frames=sum(one.header.num_frames for one in self.clips),
            sha256=" ".join(one.header.fingerprint[:16] for one in self.clips),
        )


def prepare(
    specs: Sequence[str],
    folder: Path,
    *,
    segmenter: Segmenter | None,
    grid_hw: tuple[int, int],
    fps: float | None,
    say: Callable[[str], None],
) -> list[Prepared]:
    """Clips of every spec; those already prepared for the same source are not read again.

    Raises:
        UsageError: A spec is malformed, or needs a segmenter and there is none.
        SourceError: What it names is not there.
    """
    found: list[Prepared] = []
    for spec in specs:
        name, weight = weighed(spec)
        clips: list[Clip] = []
        for source in training_sources(name, fps):
            clip = _prepared(source, folder, segmenter, grid_hw)
            if clip is None:
                say(f"{source.clip}: fewer than {_SHORTEST} evenly spaced frames, left out")
            else:
                say(f"{clip.header.name}: {clip.header.num_frames} frames")
                clips.append(clip)
        found.append(Prepared(spec=name, weight=weight, clips=tuple(clips)))
    if not any(one.clips for one in found):
        raise UsageError(f"{', '.join(specs)} hold no clip of {_SHORTEST} frames or more")
    return found


def weighed(spec: str) -> tuple[str, float]:
    """What a spec names, and its weight.

    Raises:
        UsageError: The weight is no number.
    """
    name, mark, weight = spec.rpartition("=")
    if not mark:
        return spec, 1.0
    try:
        return name, float(weight)
    except ValueError as fault:
        raise UsageError(
            f"{spec} ends in no number; write DATA=WEIGHT, such as {name}=2"
        ) from fault


def training_sources(spec: str, fps: float | None) -> Sequence[FrameSource]:
    """The clips that a spec without its weight names; `street:N` renders N streets.

    Raises:
        UsageError: It names nothing that can be read.
        SourceError: What it names is not there.
    """
    kind, _, count = spec.partition(":")
    if kind != "street":
        return find_sources(spec, fps=fps)
    if not count.isdigit():
        raise UsageError(f"{spec} names no number of streets; write street:N, such as street:24")
    from forecast.sources.street.source import StreetSource

    seeds = range(FIRST_STREET_SEED, FIRST_STREET_SEED + int(count))
    return [StreetSource(seed=one, num_frames=_STREET_FRAMES, fps=_STREET_FPS) for one in seeds]


def _prepared(
    source: FrameSource, folder: Path, segmenter: Segmenter | None, grid_hw: tuple[int, int]
) -> Clip | None:
    count, fps = source.num_frames, source.fps
    if count is None or fps is None:
        raise UsageError(f"{source.clip} has no known length or rate; give --fps, or a file")
    if count < _SHORTEST:
        return None
    truth = source if is_annotated(source) else None
    if truth is not None and list(truth.annotated) != list(range(count)):
        truth = None
    if truth is None and segmenter is None:
        raise UsageError(f"{source.clip} has no labels to learn from; name a --segmenter")
    seen = None if truth is not None else segmenter
    where = folder / source.clip
    header = ClipHeader(
        name=source.clip,
        num_frames=count,
        frame_s=1 / fps,
        grid_hw=grid_hw,
        space="cityscapes",
        fingerprint=source.fingerprint,
    )
    if not _is_prepared(where, header):
        _write(source, truth, seen, where, header)
    return Clip(where)


def _is_prepared(folder: Path, header: ClipHeader) -> bool:
    return (folder / "clip.json").is_file() and Clip(folder).header == header


def _write(
    source: FrameSource,
    truth: AnnotatedSource | None,
    segmenter: Segmenter | None,
    folder: Path,
    header: ClipHeader,
) -> None:
    writer = ClipWriter(folder, header, soft=segmenter is not None, truth=truth is not None)
    with writer, source.open() as frames:
        for frame in frames:
            segmentation = None if segmenter is None else segmenter([frame])[0]
            label_map = None if truth is None else truth.label_map(frame.at.index)
            writer.add(frame, segmentation, label_map)


def split(
    prepared: Sequence[Prepared], held_out: Sequence[str]
) -> tuple[list[Clip], list[float], list[Clip]]:
    """Training clips, their weights by frame, and the clips whose names are held out.

    Raises:
        UsageError: A held-out name is no clip, or nothing is left to learn from.
    """
    every = {clip.header.name: (clip, one.weight) for one in prepared for clip in one.clips}
    missing = [name for name in held_out if name not in every]
    if missing:
        raise UsageError(f"no clip is called {missing[0]!r}; there are {', '.join(every)}")
    kept = {name: pair for name, pair in every.items() if name not in held_out}
    if not kept:
        raise UsageError("every clip is held out; leave at least one to learn from")
    weights = [weight * clip.header.num_frames for clip, weight in kept.values()]
    return [clip for clip, _ in kept.values()], weights, [every[name][0] for name in held_out]
