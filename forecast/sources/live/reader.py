"""The thread behind a live source: keeps a connection, stamps what comes, hands the newest on.

Reconnects with growing waits until the retries end; whatever it ends with goes to the consumer.
"""

from __future__ import annotations

import logging
import math
import threading
import time
from dataclasses import dataclass

from forecast.engine.policy_queue import HandOver
from forecast.errors import SourceError, SourceLostError
from forecast.sources.live.address import Address, Kind
from forecast.sources.live.backoff import Backoff
from forecast.sources.live.clock import LiveClock, Stamp
from forecast.sources.live.connection import DisconnectedError, Picture, open_input
from forecast.sources.live.pipe import PipeEnd
from forecast.sources.live.state import LiveState, LiveStatus
from forecast.sources.live.thinning import Thinning
from forecast.values import Instant

_log = logging.getLogger("forecast.sources.live.source")
# Failures in a row that are each a line of the log; after them those that are a power of two.
_TOLD = 3


@dataclass(frozen=True, slots=True, kw_only=True)
class Arrival:
    """A decoded frame on its way to the consumer."""

    picture: Picture
    at: Instant
    arrived_s: float
    captured_unix_s: float | None
    """When it was taken, as far as can be told: its arrival less its lag; None if long ago."""


class LiveReader:
    """The thread that keeps a connection and puts what comes."""

    def __init__(
        self,
        address: Address,
        *,
        stop: threading.Event,
        handover: HandOver[Arrival],
        status: LiveStatus,
        backoff: Backoff,
        timeouts_s: tuple[float, float],
        paced: bool,
        thinning: Thinning,
    ) -> None:
        self._address = address
        self._stop = stop
        self._handover = handover
        self._status = status
        self._backoff = backoff
        self._open_timeout_s, self._read_timeout_s = timeouts_s
        self._paced = paced
        self._thinning = thinning
        self._clock = LiveClock(gap_s=1.0 if address.is_live else math.inf)
        self._index = 0
        self._size_hw: tuple[int, int] | None = None
        self._was_live = False
        self._ended = False
        self._paced_epoch = -1
        self._began_s = 0.0
        self._pipe = PipeEnd(address)

    def run(self) -> None:
        """Read until stopped, at the end, or lost; any error goes to the consumer."""
        reason = ""
        try:
            while not self._stop.is_set():
                self._status.connecting(reason)
                try:
                    if self._read_one_connection():
                        break
                    reason, self._ended = "the stream ended", True
                except DisconnectedError as fault:
                    reason = str(fault)
                    self._give_up_if_hopeless(fault)
                self._wait_for_next(reason)
            self._status.finished(LiveState.ENDED, "")
            self._handover.finish()
        except Exception as fault:  # noqa: BLE001 - the consumer raises it
            self._status.finished(LiveState.LOST, str(fault))
            self._handover.finish(fault)
        finally:
            self._pipe.close()

    def _give_up_if_hopeless(self, fault: DisconnectedError) -> None:
        if fault.hopeless and not (self._was_live and self._address.is_live):
            hint = "" if self._address.kind is Kind.STDIN else "; check the address"
            raise SourceError(f"{self._address.shown} cannot be read: {fault}{hint}") from fault

    def _wait_for_next(self, reason: str) -> None:
        if self._stop.is_set():
            return
        wait_s = self._backoff.failed()
        if wait_s is None:
            attempts = self._backoff.failures
            raise SourceLostError(
                f"{self._address.shown} stayed away after {attempts} attempts ({reason}); "
                "check that it is up, or allow more retries"
            )
        failures = self._backoff.failures
        if failures <= _TOLD or failures & (failures - 1) == 0:
            quiet = "; further attempts are told now and then" if failures == _TOLD else ""
            _log.info(
                "%s: %s; attempt %d in %.1f s%s",
                self._address.shown, reason, failures + 1, wait_s, quiet,
            )  # fmt: skip
        self._stop.wait(wait_s)

    def _read_one_connection(self) -> bool:
        """Whether the source is at its end."""
        self._clock.reconnected()
        with open_input(
            self._address,
            open_timeout_s=self._open_timeout_s,
            read_timeout_s=self._read_timeout_s,
            stop=self._stop,
            pipe=self._pipe,
        ) as connection:
            if connection.finite and self._ended:
                # A playlist that was closed would be played again from its last segments.
                return True
            paced = self._paced or (connection.ahead and self._handover.drops)
            for picture in connection.pictures:
                if self._stop.is_set():
                    break
                self._offer(picture, paced=paced)
            return connection.finite or not self._address.is_live

    def _offer(self, picture: Picture, *, paced: bool) -> None:
        if self._size_hw != picture.size_hw:
            # No history spans a change of resolution: nothing could be warped across it.
            self._clock.reconnected()
            self._size_hw = picture.size_hw
        arrived_s = time.monotonic()
        stamp = self._clock.stamp(picture.media_s, arrived_s)
        if stamp is None:
            self._status.count("refused")
            return
        if stamp.late and self._handover.drops:
            # Nor does it make the source live: what a time-out set free says nothing of now.
            self._status.count("received")
            self._status.count("dropped")
            return
        if paced:
            arrived_s = self._wait_until_due(stamp)
        at = Instant(
            clip=self._address.clip, index=self._index, pts_s=stamp.pts_s, epoch=stamp.epoch
        )
        self._index += 1
        self._was_live = True
        self._backoff.succeeded()
        happens_now = self._address.is_live or self._handover.drops
        # What is paced comes when it is due, and a film at full speed is behind nothing.
        lag_s = stamp.lag_s if happens_now and not paced else 0.0
        self._status.received(arrived_s, stamp.epoch, lag_s)
        if not self._thinning.passes(at):
            self._status.count("thinned")
            return
        arrival = Arrival(
            picture=picture,
            at=at,
            arrived_s=arrived_s,
            captured_unix_s=time.time() - lag_s if happens_now else None,
        )
        self._status.count("dropped", self._handover.put(arrival))

    def _wait_until_due(self, stamp: Stamp) -> float:
        if stamp.epoch != self._paced_epoch:
            self._paced_epoch, self._began_s = stamp.epoch, time.monotonic() - stamp.pts_s
        self._stop.wait(max(0.0, self._began_s + stamp.pts_s - time.monotonic()))
        return time.monotonic()
