"""From what a person names to clips that training reads: prepared once, kept beside the run.

Annotated clips teach by their labels, recordings by the maps in them, all others by the
segmenter's maps. Knows no predictor.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from functools import partial
from pathlib import Path

from forecast.checkpoints import LearntFrom
from forecast.errors import UsageError
from forecast.specs import RENDERED_TERMS, Spec, located, training_sources
from forecast.stages import AnnotatedSource, FrameSource, Segmenter, is_annotated
from forecast.training.data.choosing import fits, judging, left_after
from forecast.training.data.clips import Clip, ClipHeader, ClipWriter
from forecast.training.data.recordings import recordings_in, stretches, write_clip
from forecast.training.data.true_flow import KnowsFlow

Teacher = Callable[[], Segmenter]
_SHORTEST = 12
"""Clips with fewer frames have no past and future to learn from."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Prepared:
    """Clips of one spec."""

    spec: Spec
    clips: tuple[Clip, ...]
    knowing_flow: Mapping[str, KnowsFlow]
    """Those that know where their pixels came from, by name."""

    def learnt_from(self) -> LearntFrom:
        """How the card names them."""
        rendered = self.spec.is_rendered
        return LearntFrom(
            name=self.spec.shown,
            terms=RENDERED_TERMS if rendered else "as its makers state; see README",
            num_frames=sum(one.header.num_frames for one in self.clips),
            sha256=" ".join(one.header.fingerprint[:16] for one in self.clips),
        )


@dataclass(frozen=True, slots=True, kw_only=True)
class Preparation:
    """How clips are prepared."""

    folder: Path
    """Where they are kept."""
    teacher: Teacher | None
    """Says what clips without annotation show; asked for only if there are such clips."""
    grid_hw: tuple[int, int]
    apart: Mapping[str, Teacher] = field(default_factory=dict[str, Teacher])
    """Instead of it, teachers by name: each gives a clip of its own, `CLIP~NAME`."""
    without: Sequence[str] = ()
    """Clips that are left out, by patterns of their names."""
    pictures: bool = True
    """Whether pictures of recordings are needed; all other clips keep theirs."""


@dataclass(frozen=True, slots=True, kw_only=True)
class _Wanted:
    """A clip to be prepared, and what does it."""

    header: ClipHeader
    write: Callable[[Path], None]
    knows_flow: KnowsFlow | None = None


def prepare(
    specs: Sequence[Spec], how: Preparation, *, say: Callable[[str], None]
) -> list[Prepared]:
    """Clips of every spec; those already prepared for the same source are not read again.

    Raises:
        UsageError: A spec needs a segmenter and there is none, two clips have one name, or a
            pattern of `without` fits no clip, or all of them.
        SourceError: What it names is not there.
    """
    found: list[Prepared] = []
    seen: set[str] = set()
    every = [list(_wanted(spec, how)) for spec in specs]
    left_after([one.header.name for wanted in every for one in wanted], how.without)
    for spec, wanted in zip(specs, every, strict=True):
        clips: dict[str, Clip] = {}
        flows: dict[str, KnowsFlow] = {}
        for one in wanted:
            name = one.header.name
            if fits(name, how.without):
                continue
            if name in seen:
                raise UsageError(f"two clips are called {name}; rename the folder of one of them")
            seen.add(name)
            if one.header.num_frames < _SHORTEST:
                say(f"{name}: fewer than {_SHORTEST} evenly spaced frames, left out")
                continue
            clips[name] = _prepared(one, how)
            say(f"{name}: {one.header.num_frames} frames")
            if one.knows_flow is not None:
                flows[name] = one.knows_flow
        found.append(Prepared(spec=spec, clips=tuple(clips.values()), knowing_flow=flows))
    if not any(one.clips for one in found):
        shown = ", ".join(spec.name for spec in specs)
        raise UsageError(f"{shown} hold no clip of {_SHORTEST} frames or more")
    return found


def _wanted(spec: Spec, how: Preparation) -> Iterator[_Wanted]:
    recordings = [] if spec.is_rendered else recordings_in(Path(located(spec.name)))
    for folder in recordings:
        for stretch in stretches(folder):
            header = stretch.header(how.grid_hw)
            write = partial(write_clip, stretch, header=header, pictures=how.pictures)
            yield _Wanted(header=header, write=write)
    if not recordings:
        for source in training_sources(spec):
            truth = _annotated_throughout(source)
            if truth is not None or not how.apart:
                yield _of_source(source, truth, how)
                continue
            for name, teacher in how.apart.items():
                yield _of_source(source, None, replace(how, teacher=teacher), name=name)


def _of_source(
    source: FrameSource, truth: AnnotatedSource | None, how: Preparation, name: str = ""
) -> _Wanted:
    count, fps = source.num_frames, source.fps
    if count is None or fps is None:
        raise UsageError(f"{source.clip} has no known length or rate; give DATA@FPS, or a file")
    if truth is None and how.teacher is None:
        raise UsageError(
            f"{source.clip} has no labels to learn from; name a --teacher, or process it with "
            "`forecast process --save soft` and train from the recording"
        )
    teacher = None if truth is not None or how.teacher is None else how.teacher()
    header = ClipHeader(
        name=f"{source.clip}~{name}" if name else source.clip,
        pictures_of=source.clip if name else "",
        num_frames=count,
        frame_s=1 / fps,
        grid_hw=how.grid_hw,
        space="cityscapes",
        fingerprint=source.fingerprint,
        seen_by="" if teacher is None else teacher.fingerprint,
    )
    return _Wanted(
        header=header,
        write=partial(_write, source, truth, teacher, header),
        knows_flow=source if isinstance(source, KnowsFlow) else None,
    )


def _prepared(wanted: _Wanted, how: Preparation) -> Clip:
    where = how.folder / wanted.header.name
    if not _is_prepared(where, wanted.header, pictures=how.pictures):
        wanted.write(where)
    return Clip(where)


def _is_prepared(folder: Path, header: ClipHeader, *, pictures: bool) -> bool:
    if not (folder / "clip.json").is_file():
        return False
    clip = Clip(folder)
    return clip.header == header and (clip.has_pictures or not pictures)


def _write(
    source: FrameSource,
    truth: AnnotatedSource | None,
    teacher: Segmenter | None,
    header: ClipHeader,
    folder: Path,
) -> None:
    writer = ClipWriter(folder, header, soft=teacher is not None, truth=truth is not None)
    with writer, source.open() as frames:
        for frame in frames:
            seen = None if teacher is None else teacher([frame])[0]
            writer.add(frame, seen, None if truth is None else truth.label_map(frame.at.index))


def _annotated_throughout(source: FrameSource) -> AnnotatedSource | None:
    if not is_annotated(source):
        return None
    return source if list(source.annotated) == list(range(source.num_frames or 0)) else None


def split(
    prepared: Sequence[Prepared], held_out: Sequence[str]
) -> tuple[list[Clip], list[float], list[Clip]]:
    """Training clips, their weights by frame, and the clips whose names are held out.

    Raises:
        UsageError: A held-out pattern fits no clip, or nothing is left to learn from.
    """
    every = {clip.header.name: (clip, one.spec.weight) for one in prepared for clip in one.clips}
    held = judging(list(every), held_out)
    kept = {name: pair for name, pair in every.items() if name not in held}
    weights = [weight * clip.header.num_frames for clip, weight in kept.values()]
    return [clip for clip, _ in kept.values()], weights, [every[name][0] for name in held]
