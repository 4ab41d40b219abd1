"""A camera, network stream, pipe or paced file, as frames that are never old.

Under `latest` a slow consumer gets the newest frame and the overtaken ones are dropped and
counted; under `every` nothing is dropped and a live source may lag. A lost connection is opened
again with growing waits, and every connection is an epoch of its own. The reading thread is told to
stop on every way out and waited for during a second; where FFmpeg hangs in a connection, which
nothing can break off, it ends by itself with that connection's time-out and hands nothing on.
"""

from __future__ import annotations

import hashlib
import logging
import math
import threading
import time
from collections import OrderedDict
from collections.abc import Container, Generator, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

from forecast.engine.policy_queue import HandOver, Policy
from forecast.errors import UsageError
from forecast.sources.colour import RgbConverter
from forecast.sources.live.address import Kind, parse_address
from forecast.sources.live.backoff import Backoff
from forecast.sources.live.reader import Arrival, LiveReader
from forecast.sources.live.state import LiveStats, LiveStatus, StateListener
from forecast.sources.live.thinning import Thinning
from forecast.values import Frame, Instant

_log = logging.getLogger("forecast.sources.live.source")
_WAIT_S = 0.1
_REMEMBERED = 512
_CLOSING_S = 1.0


@dataclass(frozen=True, slots=True, kw_only=True)
class Delivery:
    """How a frame came to the consumer."""

    arrived_s: float
    """When it was decoded, on `time.monotonic`."""
    taken_s: float
    """When the consumer took it."""
    decode_ms: float
    """Before it arrived."""
    convert_ms: float
    """To RGB, once taken."""
    captured_unix_s: float | None
    """When it was taken, in seconds since 1970, as far as can be told; None for a
    film at full speed."""


class LiveSource:
    """Frames of one live source while they happen.

    Args:
        address: `/dev/video0`, `rtsp://`, `rtmp://`, `http(s)://`, `udp://`, `tcp://`, a named
            pipe, `-`, `lavfi:SPEC`, or a file, which may be a `Path`.
        retries: Failed attempts in a row before the source counts as lost; None tries for ever.
        open_timeout_s: How long opening may take.
        read_timeout_s: How long a connection may be silent before it is opened again.
        policy: `latest` or `every`; None means `latest`, except for files at full speed.
        realtime: Play files and lavfi graphs at their own rate.
        stall_s: Silence after which the state is `stalled`.
        stale_s: A frame that has waited longer than this is dropped, under `latest`.
        backoff_cap_s: The longest wait between attempts.
        container: FFmpeg's name of the format, where it cannot be guessed.
        size_hw: Height and width to area-average to while converting; None keeps the stream's.
        on_state: Told of every change of state.

    Raises:
        UsageError: The address or the policy is none that is known, or a time is not above 0.
        SourceError: It names a file, pipe or device that does not exist.
    """

    def __init__(
        self,
        address: str | Path,
        *,
        retries: int | None = 20,
        open_timeout_s: float = 5.0,
        read_timeout_s: float = 5.0,
        policy: Policy | None = None,
        realtime: bool = True,
        stall_s: float = 1.0,
        stale_s: float = 1.0,
        backoff_cap_s: float = 5.0,
        container: str | None = None,
        size_hw: tuple[int, int] | None = None,
        on_state: StateListener | None = None,
    ) -> None:
        self._address = parse_address(str(address), container=container)
        times = {
            "open_timeout_s": open_timeout_s, "read_timeout_s": read_timeout_s,
            "stall_s": stall_s, "stale_s": stale_s, "backoff_cap_s": backoff_cap_s,
        }  # fmt: skip
        wrong = [f"{name} is {value}" for name, value in times.items() if not value > 0]
        if wrong:
            raise UsageError(f"{', '.join(wrong)}; it must be a number of seconds above 0")
        if policy not in (None, "latest", "every"):
            raise UsageError(f"{policy!r} is no policy; choose latest or every")
        self._paced = realtime and self._address.kind in (Kind.FILE, Kind.LAVFI)
        own_pace = self._paced or self._address.is_live
        self._policy: Policy = policy or ("latest" if own_pace else "every")
        self._retries = retries
        self._open_timeout_s = open_timeout_s
        self._read_timeout_s = read_timeout_s
        self._stale_s = stale_s if self._policy == "latest" else math.inf
        self._backoff_cap_s = backoff_cap_s
        self._status = LiveStatus(self._address.shown, stall_s=stall_s, listener=on_state)
        self._deliveries: OrderedDict[int, Delivery] = OrderedDict()
        self._interrupted = threading.Event()
        self._size_hw = size_hw
        self.thinning = Thinning()
        """Its `period_s` sets the pace of what is delivered; the rest counts as thinned."""

    @property
    def clip(self) -> str:
        """A name for it, safe as a file name and without credentials."""
        return self._address.clip

    @property
    def shown(self) -> str:
        """The address without credentials."""
        return self._address.shown

    @property
    def fps(self) -> float | None:
        """None: only timestamps tell."""
        return None

    @property
    def num_frames(self) -> int | None:
        """None: it has no known end."""
        return None

    @property
    def fingerprint(self) -> str:
        """Hash of the address without credentials; what comes from there has none."""
        return hashlib.sha256(f"live {self._address.shown}".encode()).hexdigest()

    @property
    def stats(self) -> LiveStats:
        """How it is doing; may be asked from any thread."""
        return self._status.stats()

    @property
    def never_drops(self) -> bool:
        """Whether every frame is delivered, however late."""
        return self._policy == "every"

    def delivery(self, at: Instant) -> Delivery | None:
        """How a frame came; None once that is long ago."""
        return self._deliveries.get(at.index)

    def interrupt(self) -> None:
        """End the iteration that is open, or else the next one, from any thread."""
        self._interrupted.set()

    @contextmanager
    def open(self, only: Container[int] | None = None) -> Generator[Iterator[Frame], None, None]:
        """Frames while they happen; with `only`, just those indices.

        Raises:
            SourceError: While iterating, if the address can never be opened.
            SourceLostError: While iterating, once the last retry has failed.
        """
        stop = threading.Event()
        handover: HandOver[Arrival] = HandOver(self._policy)
        reader = LiveReader(
            self._address,
            stop=stop,
            handover=handover,
            status=self._status,
            backoff=Backoff(retries=self._retries, cap_s=self._backoff_cap_s),
            timeouts_s=(self._open_timeout_s, self._read_timeout_s),
            paced=self._paced,
            thinning=self.thinning,
        )
        self.thinning.begin()
        thread = threading.Thread(target=reader.run, name=f"live {self.clip}", daemon=True)
        thread.start()
        try:
            yield self._frames(handover, only)
        finally:
            stop.set()
            handover.abandon()
            thread.join(_CLOSING_S)
            if thread.is_alive():
                _log.info("%s: left in a connection that hangs", self._address.shown)
            self._status.closed()
            self._interrupted.clear()

    def _frames(self, handover: HandOver[Arrival], only: Container[int] | None) -> Iterator[Frame]:
        convert = RgbConverter(self._size_hw)
        while not handover.exhausted and not self._interrupted.is_set():
            arrival = handover.take(_WAIT_S)
            self._status.check_stall()
            if arrival is None or (only is not None and arrival.at.index not in only):
                continue
            taken_s = time.monotonic()
            if taken_s - arrival.arrived_s > self._stale_s:
                self._status.count("dropped")
                continue
            began_s = time.perf_counter()
            frame = Frame(at=arrival.at, rgb=convert(arrival.picture.frame))
            convert_ms = 1e3 * (time.perf_counter() - began_s)
            self._remember(
                arrival.at,
                Delivery(
                    arrived_s=arrival.arrived_s,
                    taken_s=taken_s,
                    decode_ms=arrival.picture.decode_ms,
                    convert_ms=convert_ms,
                    captured_unix_s=arrival.captured_unix_s,
                ),
            )
            self._status.count("delivered")
            yield frame

    def _remember(self, at: Instant, delivery: Delivery) -> None:
        self._deliveries[at.index] = delivery
        if len(self._deliveries) > _REMEMBERED:
            self._deliveries.popitem(last=False)
