"""One connection to a live source: opened with a time-out, decoded packet by packet.

Promises that a damaged packet costs that packet, and that every fault names what it is without
credentials. Reconnects nowhere.
"""

from __future__ import annotations

import contextlib
import errno
import threading
import time
from collections.abc import Generator, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from typing import cast

import av
import av.container
import av.error
from av.format import Flags
from av.video.stream import VideoStream

from forecast.sources.live.address import Address, Kind
from forecast.sources.live.pipe import PipeEnd, PipeReader, PipeSilentError

_DAMAGED_IN_A_ROW = 60


class DisconnectedError(Exception):
    """A connection that failed or ended.

    `hopeless`: trying again cannot help, because the address itself is wrong.
    """

    def __init__(self, reason: str, *, hopeless: bool = False) -> None:
        super().__init__(reason)
        self.hopeless = hopeless


@dataclass(frozen=True, slots=True, kw_only=True)
class Picture:
    """A decoded frame, not yet converted: those that are dropped then cost no conversion."""

    frame: av.VideoFrame
    media_s: float | None
    """The stream's own presentation time."""
    decode_ms: float
    """What decoding cost."""

    @property
    def size_hw(self) -> tuple[int, int]:
        """Height and width in pixels."""
        return self.frame.height, self.frame.width


@dataclass(frozen=True, slots=True, kw_only=True)
class Connection:
    """What an opened source gives."""

    pictures: Iterator[Picture]
    """Until the connection ends."""
    finite: bool
    """Whether its end is the end of the source."""
    ahead: bool
    """Whether it can be read faster than it happens: a film, or the segments of a playlist."""


@contextmanager
def open_input(
    address: Address,
    *,
    open_timeout_s: float,
    read_timeout_s: float,
    stop: threading.Event,
    pipe: PipeEnd,
) -> Generator[Connection, None, None]:
    """One connection.

    Args:
        address: What to open.
        open_timeout_s: How long opening may take.
        read_timeout_s: How long each read may take.
        stop: Ends a wait for a pipe.
        pipe: Our end of it, for addresses that are one; outlives the connection.

    Raises:
        DisconnectedError: It could not be opened, fell silent or broke. An end of stream raises
            nothing: what it means depends on the source.
    """
    with contextlib.ExitStack() as opened:
        target: str | PipeReader = address.target
        try:
            if address.kind in (Kind.PIPE, Kind.STDIN):
                target = pipe.reader(open_timeout_s, read_timeout_s, stop)
            container = opened.enter_context(
                av.open(
                    target,
                    mode="r",
                    format=address.container,
                    options=dict(address.options),
                    # A pipe keeps its own time; standard input is waited for.
                    timeout=(open_timeout_s, read_timeout_s) if target is address.target else None,
                )
            )
        except (av.error.FFmpegError, OSError, ValueError, PipeSilentError) as fault:
            if isinstance(target, PipeReader) and target.was_empty:
                raise DisconnectedError("it ended before its first byte", hopeless=True) from None
            raise _translated(address, fault, "opening", open_timeout_s) from None
        if not container.streams.video:
            raise _no_video(address, container)
        # A camera has no duration; a film on a web server has one, and an end.
        finite = address.target.startswith("http") and bool(container.duration)
        pictures = _pictures(address, container, read_timeout_s, stop)
        # Before the container: what it holds of a packet may be the camera's own memory.
        opened.callback(pictures.close)
        yield Connection(
            pictures=pictures,
            finite=finite,
            ahead=finite or container.format.name.startswith("hls"),
        )


def _no_video(address: Address, container: av.container.InputContainer) -> DisconnectedError:
    # An RTMP server answers before its publisher comes, with a stream of nothing or of sound.
    early = address.target.startswith("rtmp") or (address.is_live and not container.streams)
    if early:
        return DisconnectedError("it carries no video yet")
    return DisconnectedError("it carries no video", hopeless=True)


def _pictures(
    address: Address,
    container: av.container.InputContainer,
    read_timeout_s: float,
    stop: threading.Event,
) -> Generator[Picture, None, None]:
    stream = container.streams.video[0]
    # Frame threads hold back one picture each.
    stream.thread_type = "AUTO" if address.kind is Kind.FILE else "SLICE"
    # Motion JPEG and bare H.264 carry no time: FFmpeg counts 25 frames a second whatever comes.
    timeless = bool(container.format.flags & Flags.no_timestamps.value) and address.is_live
    damaged = 0
    demuxed = cast("Generator[av.Packet[VideoStream], None, None]", container.demux(stream))
    with contextlib.closing(demuxed) as packets:
        while not stop.is_set():
            try:
                packet = next(packets)
            except StopIteration:
                return
            except (av.error.FFmpegError, OSError, PipeSilentError) as fault:
                raise _translated(address, fault, "reading", read_timeout_s) from None
            began_s = time.perf_counter()
            try:
                frames = _decoded(packet, address)
            except av.error.EOFError:
                return
            except av.error.FFmpegError as fault:
                damaged += 1
                if damaged > _DAMAGED_IN_A_ROW:
                    raise _translated(address, fault, "decoding", read_timeout_s) from None
                continue
            decode_ms = 1e3 * (time.perf_counter() - began_s)
            del packet
            for frame in frames:
                damaged = 0
                if not frame.is_corrupt:
                    media_s = None if timeless else frame.time
                    yield Picture(frame=frame, media_s=media_s, decode_ms=decode_ms)


def _decoded(packet: av.Packet[VideoStream], address: Address) -> list[av.VideoFrame]:
    frames = packet.decode()
    if address.kind is Kind.CAMERA:
        for frame in frames:
            # Uncompressed pictures lie in the driver's memory, which is gone once the camera is
            # closed: copied here, because the packet still shares it.
            frame.make_writable()
    return frames


_HOPELESS = (
    av.error.ProtocolNotFoundError,
    av.error.DemuxerNotFoundError,
    av.error.FilterNotFoundError,
    av.error.OptionNotFoundError,
    av.error.HTTPUnauthorizedError,
    av.error.HTTPForbiddenError,
    av.error.PermissionError,
)
_WHAT_STREAMS = (
    "standard input cannot be wound back: send a format that can be read as it comes, such as "
    "MPEG-TS, Matroska or Motion JPEG; of MP4 only one with its index in front (-movflags "
    "+faststart or frag_keyframe+empty_moov)"
)
_CAMERA_FAULTS = {
    errno.ENOTTY: "it is no capture device; many cameras have a second node that gives none",
    errno.EACCES: "this user may not read it; join the group that owns it, often `video`",
    errno.EBUSY: "another program is using it",
    errno.ENODEV: "it is unplugged",
}


def _translated(
    address: Address, fault: Exception, doing: str, limit_s: float
) -> DisconnectedError:
    if isinstance(fault, av.error.ExitError):
        return DisconnectedError(f"{doing} it took longer than {limit_s:.1f} s")
    text = getattr(fault, "strerror", None) or str(fault)
    once = address.kind in (Kind.LAVFI, Kind.FILE, Kind.STDIN)
    hopeless = isinstance(fault, _HOPELESS) or once
    if address.kind is Kind.STDIN:
        text = f"{text}: {_WHAT_STREAMS}"
    if address.kind is Kind.CAMERA and isinstance(fault, OSError):
        text = _CAMERA_FAULTS.get(fault.errno or 0, text)
        hopeless = hopeless or fault.errno == errno.ENOTTY
    return DisconnectedError(f"{doing} failed: {address.masked(text)}", hopeless=hopeless)
