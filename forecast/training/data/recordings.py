"""What `forecast process --save soft` recorded, as clips to learn from.

Maps are read row by row. A recording holds no pictures: they are read again from what was
processed, which run.json beside it names, and only if it is still the same to the byte.
Axes: T frames, K classes, h w the segmenter's grid.
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Generator, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from itertools import pairwise, repeat
from pathlib import Path
from statistics import median
from typing import Any

import numpy as np
import torch

from forecast.errors import ForecastError, SourceError, UsageError
from forecast.labels import CITYSCAPES
from forecast.prediction.networks import TRAINABLE
from forecast.specs import parsed, sources_of
from forecast.stages import FrameSource
from forecast.storage.recording import Recording
from forecast.training.data.clips import ClipHeader, ClipWriter
from forecast.values import Frame, Instant, Segmentation

_MANIFEST = "manifest.json"


@dataclass(frozen=True, slots=True, kw_only=True)
class Stretch:
    """Evenly spaced frames of one epoch of a recording."""

    folder: Path
    epoch: int
    rows: range
    frame_s: float
    name: str

    def header(self, grid_hw: tuple[int, int]) -> ClipHeader:
        """What the clip made of it will say of itself."""
        made = (self.folder / _MANIFEST).read_bytes() + repr((self.epoch, self.rows)).encode()
        return ClipHeader(
            name=self.name,
            num_frames=len(self.rows),
            frame_s=self.frame_s,
            grid_hw=grid_hw,
            space=CITYSCAPES.name,
            fingerprint=hashlib.sha256(made).hexdigest(),
        )


def recordings_in(path: Path) -> list[Path]:
    """The recordings that a folder is or holds; none if it is something else."""
    if not path.is_dir():
        return []
    folders = [path, *sorted(path.iterdir())]
    return [one for one in folders if (one / _MANIFEST).is_file() and any(one.glob("epoch-*.zarr"))]


def stretches(folder: Path) -> Iterator[Stretch]:
    """Every run of frames without a gap, epoch by epoch.

    Raises:
        OpenError: The recording is damaged or of another schema.
        UsageError: It holds no maps, or maps of other classes than Cityscapes'.
    """
    for path in sorted(folder.glob("epoch-*.zarr")):
        epoch = int(path.stem.removeprefix("epoch-"))
        recording = _opened(folder, epoch)
        pts_s = [float(one) for one in recording.pts_s]
        if len(pts_s) < 2:
            continue
        frame_s = median(later - earlier for earlier, later in pairwise(pts_s))
        for begin, end in _without_gaps(pts_s, frame_s):
            whole = (begin, end, epoch) == (0, len(pts_s), 0)
            yield Stretch(
                folder=folder,
                epoch=epoch,
                rows=range(begin, end),
                frame_s=frame_s,
                name=folder.name if whole else f"{folder.name}_{epoch}_{begin}",
            )


def _opened(folder: Path, epoch: int) -> Recording:
    recording = Recording(folder, epoch=epoch)
    if recording.space != CITYSCAPES:
        raise UsageError(
            f"{folder} speaks {recording.space.name}; record it with a segmenter that speaks "
            "cityscapes"
        )
    if not recording.has_soft:
        raise UsageError(
            f"{folder} holds labels and no soft maps to learn from; record it again with "
            "`forecast process ... --save soft`"
        )
    return recording


def _without_gaps(pts_s: list[float], frame_s: float) -> Iterator[tuple[int, int]]:
    """First row and the one after the last of every run that is even within half a frame."""
    begin = 0
    for row, (earlier, later) in enumerate(pairwise(pts_s), start=1):
        if abs(later - earlier - frame_s) > frame_s / 2:
            yield begin, row
            begin = row
    yield begin, len(pts_s)


def write_clip(stretch: Stretch, where: Path, header: ClipHeader, *, pictures: bool) -> None:
    """Bring a stretch to the grid of training, one frame in memory at a time.

    Args:
        stretch: What to read.
        where: Folder of the clip.
        header: What the clip says of itself.
        pictures: Whether its pictures are needed.

    Raises:
        SourceError: They are needed, and what was recorded is not there or has changed.
    """
    recording = Recording(stretch.folder, epoch=stretch.epoch)
    pts_s = recording.pts_s
    opened = _frames(stretch, recording) if pictures else _none()
    writer = ClipWriter(where, header, soft=True, truth=False, pictures=pictures)
    with opened as frames, writer:
        for row in stretch.rows:
            at = Instant(clip=header.name, index=row, pts_s=float(pts_s[row]))
            soft = torch.from_numpy(np.asarray(recording.soft[row])).float() / 255
            size_hw = (recording.labels.shape[-2], recording.labels.shape[-1])
            seen = Segmentation(at=at, space=recording.space, size_hw=size_hw, probs=soft)
            writer.add(next(frames), seen, None)


@contextmanager
def _none() -> Generator[Iterator[None]]:
    yield repeat(None)


@contextmanager
def _frames(stretch: Stretch, recording: Recording) -> Generator[Iterator[Frame]]:
    indices = {int(one) for one in recording.index[stretch.rows.start : stretch.rows.stop]}
    with _recorded_from(stretch.folder).open(only=indices) as frames:
        yield frames


def _recorded_from(folder: Path) -> FrameSource:
    """The source that a recording was made from, unchanged."""
    wanted = json.loads((folder / _MANIFEST).read_text())["source"]
    run = _run_of(folder)
    fps: float | None = run.get("config", {}).get("fps")
    for spec in run.get("sources", ()):
        try:
            found = sources_of(parsed(spec, fps=fps))
        except ForecastError:
            continue
        for source in found:
            if source.clip == folder.name and source.fingerprint == wanted:
                return source
    named = ", ".join(run.get("sources", ())) or "nothing that run.json names"
    free = ", ".join(name for name, one in TRAINABLE.items() if not one.needs_pictures)
    raise SourceError(
        f"{folder} was recorded from {named}, which is not there any more or has changed, and its "
        f"pictures are needed; put it back, or train what needs none: {free}"
    )


def _run_of(folder: Path) -> dict[str, Any]:
    try:
        found: dict[str, Any] = json.loads((folder.parent / "run.json").read_text())
    except (OSError, ValueError):
        return {}
    return found
