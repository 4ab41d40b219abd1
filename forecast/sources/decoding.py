"""Pictures of one video file until its end or its first damage, and the clock that times them.

Promises that a fault is told apart from an end, and that what the decoder held back before the
fault still arrives. Does not know colour.
"""

from __future__ import annotations

from collections.abc import Generator, Iterator
from contextlib import contextmanager
from pathlib import Path

import av
import av.error
from av import VideoFrame
from av.container import InputContainer
from av.video.stream import VideoStream

from forecast.errors import SourceError

_HEADER_STATES_DURATION = ("mov", "matroska", "avi")
"""Formats whose header says how long the whole is, so that a cut can be told."""
_END_TOLERANCE_S = 0.25
_FALLBACK_FPS = 25.0


@contextmanager
def opened(path: Path) -> Generator[tuple[InputContainer, VideoStream]]:
    """The file and its first video stream, closed on every way out.

    Raises:
        SourceError: It is missing, no video, or of an unknown codec.
    """
    if not path.is_file():
        raise SourceError(f"{path} is not there; name a video file that exists")
    try:
        # "file:" keeps a colon in a name from being read as a protocol.
        container = av.open(f"file:{path}", metadata_errors="ignore")
    except av.error.FFmpegError as fault:
        raise SourceError(
            f"{path} is no video that can be opened ({fault.strerror}); it may be cut short or of "
            "an unknown format: re-encode it with ffmpeg"
        ) from fault
    with container:
        # PyAV's types hide that a stream of an unknown codec has no context.
        streams = [one for one in container.streams.video if getattr(one, "codec_context", None)]
        if not streams:
            raise SourceError(f"{path} holds no video stream that can be decoded; name another")
        streams[0].thread_type = "AUTO"
        yield container, streams[0]


class Clock:
    """Presentation times from the clip's start, always rising."""

    def __init__(self, stream: VideoStream) -> None:
        self._frame_s = 1.0 / float(stream.average_rate or _FALLBACK_FPS)
        self._tick_s = float(stream.time_base or 1e-3)
        self._start_s: float | None = None
        self._last_s: float | None = None

    @property
    def end_s(self) -> float:
        """Where the last frame seen ends, if it lasts as long as the average one."""
        return 0.0 if self._last_s is None else self._last_s + self._frame_s

    def pts_s(self, picture: VideoFrame) -> float:
        """Time of the next frame; a missing stamp is one frame on, a repeated one is one tick."""
        last_s = self._last_s
        if picture.pts is None or picture.time_base is None:
            now_s = 0.0 if last_s is None else last_s + self._frame_s
        else:
            stamp_s = float(picture.pts * picture.time_base)
            if self._start_s is None:
                self._start_s = stamp_s - (0.0 if last_s is None else last_s + self._frame_s)
            now_s = stamp_s - self._start_s
            if last_s is not None and now_s <= last_s:
                now_s = last_s + self._tick_s
        self._last_s = now_s
        return now_s


class Decoding:
    """Pictures of a stream until its end or its first damage; then `fault` says what that was."""

    def __init__(self, container: InputContainer, stream: VideoStream) -> None:
        self._container = container
        self._stream = stream
        self._reached_s = 0.0
        self.fault: str | None = None
        self.cause: BaseException | None = None

    def __iter__(self) -> Iterator[VideoFrame]:
        seen = False
        for picture in self._until_damage():
            if not picture.is_corrupt:
                seen = True
                yield picture
            elif seen:  # before the first key frame of a cut stream pictures are not whole yet
                self.fault = "a damaged picture"
                return
        if self.fault is None:
            self._check_end()

    def _until_damage(self) -> Iterator[VideoFrame]:
        try:
            for packet in self._container.demux():
                if packet.is_corrupt:
                    self.fault = "a damaged packet"
                    break
                if packet.pts is not None:
                    end = (packet.pts + (packet.duration or 0)) * packet.time_base
                    self._reached_s = max(self._reached_s, float(end))
                # The packet that flushes the decoder carries its stream but not its index.
                if packet.stream is self._stream:
                    yield from self._stream.decode(packet)  # pyright: ignore[reportArgumentType]
        except av.error.FFmpegError as fault:
            self.fault, self.cause = fault.strerror, fault
        if self.fault is not None:
            yield from self._held_back()

    def _held_back(self) -> Iterator[VideoFrame]:
        try:
            yield from self._stream.decode(None)
        except av.error.FFmpegError as fault:
            self.cause = fault

    def _check_end(self) -> None:
        duration = self._container.duration
        if not duration or not self._container.format.name.startswith(_HEADER_STATES_DURATION):
            return
        tolerance_s = max(_END_TOLERANCE_S, 2.0 / float(self._stream.average_rate or _FALLBACK_FPS))
        start_s = min(0.0, (self._container.start_time or 0) / 1_000_000)
        if self._reached_s - start_s < duration / 1_000_000 - tolerance_s:
            self.fault = "the file ends early"
