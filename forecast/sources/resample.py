"""A constant stride from any timestamps.

Promises that no frame is served twice and that every served frame is the nearest to its place on
the grid. Never makes a frame up: where the source has a hole, the grid has one too.
"""

from __future__ import annotations

import hashlib
import math
import statistics
from collections.abc import Container, Generator, Iterable, Iterator, Sequence
from contextlib import closing, contextmanager
from dataclasses import replace
from itertools import pairwise
from typing import TypeVar

from forecast.stages import FrameSource
from forecast.values import Frame

_Item = TypeVar("_Item")
_CLOSE_S = 1e-6
"""Time stamps are written in ticks: nearer than this they are equal."""


def resample(
    pts_s: Sequence[float], *, step_s: float, tolerance_s: float | None = None
) -> list[int]:
    """Indices of the frames nearest to the first frame's time plus 0, 1, 2... steps.

    Args:
        pts_s: Rising times in seconds.
        step_s: Spacing of the grid in seconds.
        tolerance_s: How far from its place a frame may lie; a place with none is left out. None
            means half the widest gap that one lost frame leaves, which is one (median) frame, and
            half of that for a place after the last frame.
    """
    gaps_s = [after - before for before, after in pairwise(pts_s)]
    frame_s = statistics.median(gaps_s) if gaps_s else 0.0
    timed = ((at_s, index) for index, at_s in enumerate(pts_s))
    if tolerance_s is None:
        return list(_nearest(timed, step_s=step_s, within_s=frame_s, beyond_s=frame_s / 2))
    return list(_nearest(timed, step_s=step_s, within_s=tolerance_s, beyond_s=tolerance_s))


def _nearest(
    timed: Iterable[tuple[float, _Item]], *, step_s: float, within_s: float, beyond_s: float
) -> Generator[_Item]:
    """The nearest item of every place on the grid, held back until the next place begins.

    A place takes an item no further off than `within_s`; one after the last item, `beyond_s`.
    """
    start_s: float | None = None
    held: tuple[int, float, _Item] | None = None
    offset_s = 0.0
    for at_s, item in timed:
        start_s = at_s if start_s is None else start_s
        offset_s = at_s - start_s
        place = math.ceil((offset_s - _CLOSE_S) / step_s - 0.5)  # halfway belongs to the earlier
        error_s = abs(offset_s - place * step_s)
        if error_s > within_s + _CLOSE_S:
            continue
        if held is not None and held[0] != place:
            yield held[2]
            held = None
        if held is None or error_s < held[1] - _CLOSE_S:
            held = place, error_s, item
    if held is not None and held[0] * step_s - offset_s <= beyond_s + _CLOSE_S:
        yield held[2]


class Resampled:
    """Another source at a lower, nearly constant rate; times stay true, indices count anew."""

    def __init__(self, source: FrameSource, fps: float) -> None:
        """Takes the source and the rate wanted in frames a second."""
        self._source = source
        self._wanted_fps = fps

    @property
    def clip(self) -> str:
        """Name of the clip."""
        return self._source.clip

    @property
    def fps(self) -> float:
        """The rate wanted, or the source's where that is lower."""
        return min(self._wanted_fps, self._source.fps or math.inf)

    @property
    def num_frames(self) -> int | None:
        """None: it is not known before the times are."""
        return None

    @property
    def fingerprint(self) -> str:
        """Hash of the source's content and the rate."""
        return hashlib.sha256(f"{self._source.fingerprint} {self._wanted_fps}".encode()).hexdigest()

    @contextmanager
    def open(self, only: Container[int] | None = None) -> Generator[Iterator[Frame]]:
        """Frames from first to last, one source frame late.

        Raises:
            SourceError: Where the source does; the frame held back is yielded first.
        """
        with self._source.open() as frames, closing(self._frames(frames, only)) as served:
            yield served

    def _frames(self, frames: Iterator[Frame], only: Container[int] | None) -> Generator[Frame]:
        step_s = 1.0 / self._wanted_fps
        frame_s = 1.0 / self._source.fps if self._source.fps else step_s
        faults: list[Exception] = []
        timed = ((frame.at.pts_s, frame) for frame in _until_fault(frames, faults))
        served = _nearest(timed, step_s=step_s, within_s=frame_s, beyond_s=frame_s / 2)
        for index, frame in enumerate(served):
            if only is None or index in only:
                yield replace(frame, at=replace(frame.at, index=index))
        if faults:
            raise faults[0]


def _until_fault(frames: Iterator[Frame], faults: list[Exception]) -> Generator[Frame]:
    """Frames until the source ends or fails; a failure is kept in `faults` for later."""
    try:
        yield from frames
    except Exception as fault:  # noqa: BLE001 - re-raised by the caller after the frame held back
        faults.append(fault)
