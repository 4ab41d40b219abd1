"""Video files through FFmpeg: every frame at its true time, upright and in true colour.

Promises memory that does not grow with length, and that a damaged file yields what comes before
the damage and then says where it stops. Does not know live streams: the end of a file is the end.
"""

from __future__ import annotations

import re
from collections.abc import Container, Generator, Iterator
from contextlib import closing, contextmanager
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import TYPE_CHECKING

from forecast.errors import SourceError
from forecast.sources.hashing import content_hash
from forecast.values import Frame, Instant

if TYPE_CHECKING:
    from av.container import InputContainer
    from av.video.stream import VideoStream

    from forecast.sources.decoding import Clock, Decoding


def safe_clip_name(text: str) -> str:
    """The text with everything that a file name should not hold replaced by `_`."""
    return re.sub(r"[^\w.-]+", "_", text).strip("._") or "clip"


@dataclass(frozen=True, slots=True, kw_only=True)
class _Header:
    fps: float | None
    num_frames: int | None


class VideoSource:
    """Frames of one video file."""

    def __init__(
        self, path: Path | str, *, clip: str | None = None, size_hw: tuple[int, int] | None = None
    ) -> None:
        """Names the file; nothing is read yet.

        Args:
            path: The video file.
            clip: Name of the clip; None takes the file's name without its suffix.
            size_hw: Height and width to area-average to while decoding; None keeps the file's.
        """
        self._path = Path(path)
        self._clip = safe_clip_name(self._path.stem) if clip is None else clip
        self._size_hw = size_hw

    @property
    def clip(self) -> str:
        """Name of the clip."""
        return self._clip

    @property
    def fps(self) -> float | None:
        """Average rate in frames a second; None if the file does not tell."""
        return self._header.fps

    @property
    def num_frames(self) -> int | None:
        """How many frames the file's header claims; None if it does not."""
        return self._header.num_frames

    @property
    def fingerprint(self) -> str:
        """Hash of the file's content, and the size it is decoded to if that is another."""
        if self._size_hw is None:
            return self._content
        return f"{self._content}@{self._size_hw[0]}x{self._size_hw[1]}"

    @cached_property
    def _content(self) -> str:
        return content_hash([self._path])

    @contextmanager
    def open(self, only: Container[int] | None = None) -> Generator[Iterator[Frame]]:
        """Frames from first to last; those not in `only` are decoded but never converted.

        Raises:
            SourceError: On entering if it cannot be opened; while iterating at the first damage.
        """
        from forecast.sources.decoding import opened

        with (
            opened(self._path) as (container, stream),
            closing(self._frames(container, stream, only)) as frames,
        ):
            yield frames

    @cached_property
    def _header(self) -> _Header:
        from forecast.sources.decoding import opened

        with opened(self._path) as (_, stream):
            rate = stream.average_rate
            return _Header(fps=float(rate) if rate else None, num_frames=stream.frames or None)

    def _frames(
        self, container: InputContainer, stream: VideoStream, only: Container[int] | None
    ) -> Generator[Frame]:
        from forecast.sources.colour import RgbConverter
        from forecast.sources.decoding import Clock, Decoding

        convert = RgbConverter(self._size_hw)
        clock = Clock(stream)
        coded_hw: tuple[int, int] | None = None
        decoded = Decoding(container, stream)
        for index, picture in enumerate(decoded):
            pts_s = clock.pts_s(picture)
            if coded_hw is not None and coded_hw != (picture.height, picture.width):
                raise SourceError(
                    f"{self._path} changes size from {coded_hw[1]}x{coded_hw[0]} to "
                    f"{picture.width}x{picture.height} at {pts_s:.3f} s; split it there"
                )
            coded_hw = picture.height, picture.width
            if only is None or index in only:
                yield Frame(
                    at=Instant(clip=self._clip, index=index, pts_s=pts_s), rgb=convert(picture)
                )
        if decoded.fault is not None or coded_hw is None:
            raise SourceError(self._complaint(container, decoded, clock)) from decoded.cause

    def _complaint(self, container: InputContainer, decoded: Decoding, clock: Clock) -> str:
        length = "unknown length"
        if container.duration:
            length = f"{container.duration / 1_000_000:.3f} s"
        why = decoded.fault or "it holds no frame that can be decoded"
        return (
            f"{self._path} stops decoding at {clock.end_s:.3f} s of {length} ({why}); every frame "
            "before that was read: re-encode it or get a whole copy"
        )
