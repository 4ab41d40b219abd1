"""What a person may name as data to train from: NAME[:SPLIT][@FPS][=WEIGHT].

NAME is a data set, a folder, a video, a glob, a recording, or `street` with a number of rendered
streets after the colon. A name that is not here is looked for below the folder that FORECAST_DATA
names. Of a data set with splits its `train` is meant; the split `stills` sets each annotated
picture of that in motion.
"""

from __future__ import annotations

import glob
import os
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from forecast.errors import SourceError, UsageError
from forecast.sources.datasets.camvid import is_camvid
from forecast.sources.datasets.cityscapes import is_cityscapes
from forecast.sources.find import find_dataset, find_sources
from forecast.stages import FrameSource, is_annotated

FIRST_STREET_SEED = 1000
"""Seeds below are for tests and judging (docs/splits.md)."""
STREET = "street"
_STREET_FRAMES = 40
_STREET_FPS = 15.0
_TRAIN, _STILLS = "train", "stills"


@dataclass(frozen=True, slots=True, kw_only=True)
class Spec:
    """One thing named to learn from."""

    name: str
    """As it was named, without what follows."""
    split: str | None = None
    """Of a data set; of `street`, how many."""
    fps: float | None = None
    """Frame rate of pictures that carry none."""
    weight: float = 1.0
    """How often each of its frames is drawn, beside 1."""

    @property
    def is_rendered(self) -> bool:
        """Whether it means streets that are rendered here."""
        return self.name == STREET

    @property
    def shown(self) -> str:
        """How a card names it."""
        end = "" if self.split is None else f":{self.split}"
        return f"{Path(self.name).name}{end}"


def parsed(text: str, *, fps: float | None) -> Spec:
    """What a person wrote.

    Args:
        text: NAME[:SPLIT][@FPS][=WEIGHT].
        fps: Where it names none.

    Raises:
        UsageError: The rate or the weight is no number above 0.
    """
    if Path(text).exists():
        return Spec(name=text, fps=fps)
    rest, weight = _tail(text, "=")
    rest, rate = _tail(rest, "@")
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


def training_sources(spec: Spec) -> Sequence[FrameSource]:
    """The clips that a spec means.

    Raises:
        UsageError: It names nothing that can be read.
        SourceError: What it names is not there.
    """
    if spec.is_rendered:
        return _streets(spec.split or "")
    name = located(spec.name)
    path = Path(name)
    if is_cityscapes(path) or is_camvid(path):
        if spec.split == _STILLS:
            return _stills(find_dataset(path, split=_TRAIN).clips)
        return find_dataset(path, split=spec.split or _TRAIN).clips
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


def _streets(count: str) -> Sequence[FrameSource]:
    if not count.isdigit():
        raise UsageError(f"street:{count} names no number of streets; write street:24, say")
    from forecast.synthetic.street.source import StreetSource

    seeds = range(FIRST_STREET_SEED, FIRST_STREET_SEED + int(count))
    return [StreetSource(seed=one, num_frames=_STREET_FRAMES, fps=_STREET_FPS) for one in seeds]
