"""What a person may name as data, in every command: NAME[:SPLIT][@FPS][=WEIGHT].

NAME is a data set, a folder, a video, a glob, or `street`, whose SPLIT is a seed or a range of
them: `street:7`, `street:1000-1023`. A name that is not here is looked for below the folder that
FORECAST_DATA names. WEIGHT is for training alone.
"""

from __future__ import annotations

import glob
import os
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from forecast.errors import SourceError, UsageError
from forecast.labels import CITYSCAPES
from forecast.sources.datasets.table import kind_of
from forecast.sources.find import Dataset, find_dataset, find_sources
from forecast.stages import FrameSource, is_annotated

FIRST_STREET_SEED = 1000
"""Seeds below are for tests and judging, and never learnt from (docs/splits.md)."""
STREET = "street"
RENDERED_TERMS = "Apache-2.0 (rendered here)"
"""What a card says of them."""
_JUDGED_SEEDS = range(4)
_STILLS = "stills"


@dataclass(frozen=True, slots=True, kw_only=True)
class Spec:
    """One thing named."""

    name: str
    """As it was named, without what follows."""
    split: str | None = None
    """Of a data set; of `street`, its seeds."""
    fps: float | None = None
    """Frame rate of pictures that carry none."""
    weight: float = 1.0
    """How often each of its frames is drawn in training, beside 1."""

    @property
    def is_rendered(self) -> bool:
        """Whether it means streets that are rendered here."""
        return self.name == STREET

    @property
    def shown(self) -> str:
        """How a card names it."""
        end = "" if self.split is None else f":{self.split}"
        return f"{Path(self.name).name}{end}"

    @property
    def lasting(self) -> str:
        """How it can be named from any folder, for the record of a run."""
        name = self.name if self.is_rendered else str(Path(located(self.name)).absolute())
        end = "" if self.split is None else f":{self.split}"
        return name + end + ("" if self.fps is None else f"@{self.fps:g}")

    @property
    def seeds(self) -> range:
        """Of its streets.

        Raises:
            UsageError: What follows the colon is no seed and no range of them.
        """
        if self.split is None:
            return _JUDGED_SEEDS
        first, dash, last = self.split.partition("-")
        ends = (first, last if dash else first)
        if not all(one.isdigit() for one in ends) or int(ends[0]) > int(ends[1]):
            raise UsageError(
                f"found street:{self.split}, needed a seed or a range of them, such as street:7 "
                "or street:1000-1023"
            )
        return range(int(ends[0]), int(ends[1]) + 1)


@dataclass(frozen=True, slots=True, kw_only=True)
class StreetShape:
    """How long streets are rendered for, and how fast."""

    num_frames: int
    fps: float = 17.0


_TAUGHT_STREET = StreetShape(num_frames=40, fps=15.0)
_FILMED_STREET = StreetShape(num_frames=85)


def parsed(text: str, *, fps: float | None = None, weighed: bool = False) -> Spec:
    """What a person wrote.

    Args:
        text: NAME[:SPLIT][@FPS][=WEIGHT].
        fps: Where it names none.
        weighed: Whether a weight means anything here.

    Raises:
        UsageError: The rate or the weight is no number above 0, or a weight means nothing here.
    """
    if Path(text).exists():
        return Spec(name=text, fps=fps)
    rest, weight = _tail(text, "=")
    rest, rate = _tail(rest, "@")
    if weight is not None and not weighed:
        raise UsageError(f"{text} has a weight, which only training knows; leave ={weight:g} out")
    name, colon, split = rest.rpartition(":")
    if not colon or "/" in split:
        name, split = rest, ""
    return Spec(
        name=name,
        split=split or None,
        fps=fps if rate is None else rate,
        weight=1.0 if weight is None else weight,
    )


def _tail(text: str, mark: str) -> tuple[str, float | None]:
    head, found, number = text.rpartition(mark)
    if not found or "/" in number:
        return text, None
    try:
        value = float(number)
    except ValueError:
        value = 0.0
    if value <= 0:
        raise UsageError(
            f"{text} has {number!r} after {mark}, which is no number above 0; write DATA=WEIGHT, "
            f"DATA@FPS or DATA@FPS=WEIGHT, such as {head}{mark}2"
        )
    return head, value


def located(name: str) -> str:
    """The name itself if something is there, else the same below FORECAST_DATA if that is there."""
    root = os.environ.get("FORECAST_DATA")
    below = str(Path(root or "") / name)
    return below if root is not None and not _is_there(name) and _is_there(below) else name


def _is_there(name: str) -> bool:
    return Path(name).exists() or bool(glob.glob(name, recursive=True))  # noqa: PTH207


def dataset_of(spec: Spec, *, split: str | None = None, shape: StreetShape) -> Dataset:
    """The data set that is evaluated; of several splits its `val`.

    Args:
        spec: What was named.
        split: Part of it, where the spec names none.
        shape: Of rendered streets.

    Raises:
        UsageError: It names nothing that can be read.
        SourceError: What it names is not there.
    """
    if not spec.is_rendered:
        return find_dataset(Path(located(spec.name)), split=spec.split or split, fps=spec.fps)
    seeds = spec.seeds
    return Dataset(
        name=STREET,
        split=f"seeds {seeds[0]} to {seeds[-1]}",
        clips=tuple(_streets(seeds, shape)),
        space=CITYSCAPES,
        anchored=False,
    )


def sources_of(spec: Spec) -> Sequence[FrameSource]:
    """The clips that are processed.

    Raises:
        UsageError: It names nothing that can be read.
        SourceError: What it names is not there.
    """
    if spec.is_rendered:
        return _streets(spec.seeds, _FILMED_STREET)
    name = located(spec.name)
    if spec.split is not None:
        return find_dataset(Path(name), split=spec.split, fps=spec.fps).clips
    return find_sources(name, fps=spec.fps)


def training_sources(spec: Spec) -> Sequence[FrameSource]:
    """The clips that teach: of several splits `train`; `stills` sets its pictures in motion.

    Raises:
        UsageError: It names nothing that can be read, or streets that judge.
        SourceError: What it names is not there.
    """
    if spec.is_rendered:
        return _taught_streets(spec)
    name = located(spec.name)
    path = Path(name)
    kind = kind_of(path)
    if kind is not None:
        if spec.split == _STILLS:
            return _stills(find_dataset(path, split=kind.taught).clips)
        return find_dataset(path, split=spec.split or kind.taught).clips
    if spec.split is not None:
        raise UsageError(f"{name} has no splits, so no {spec.split!r}; leave it out")
    return _found(name, spec.fps)


def _found(name: str, fps: float | None) -> Sequence[FrameSource]:
    try:
        return find_sources(name, fps=fps)
    except SourceError as fault:
        if Path(name).exists():
            raise
        root = os.environ.get("FORECAST_DATA")
        looked = "FORECAST_DATA is not set" if root is None else f"nor below {root} (FORECAST_DATA)"
        raise SourceError(f"{fault}; {looked}") from fault


def _stills(clips: Sequence[FrameSource]) -> Sequence[FrameSource]:
    from forecast.synthetic.stills.source import StillDrive

    known = [one for one in clips if is_annotated(one)]
    return [StillDrive(one, index) for one in known for index in one.annotated]


def _taught_streets(spec: Spec) -> Sequence[FrameSource]:
    first = FIRST_STREET_SEED
    if spec.split is None or spec.seeds[0] < first:
        raise UsageError(
            f"streets of seeds below {first} judge, and are not learnt from; "
            f"write street:{first}-{first + 23}, say"
        )
    return _streets(spec.seeds, _TAUGHT_STREET)


def _streets(seeds: range, shape: StreetShape) -> Sequence[FrameSource]:
    from forecast.synthetic.street.source import StreetSource

    return [StreetSource(seed=one, num_frames=shape.num_frames, fps=shape.fps) for one in seeds]
