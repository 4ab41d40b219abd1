"""When a live frame was: presentation times that only rise, and epochs that no history may span.

Cameras send times that are missing, repeat, run backwards for a frame or start again near zero
after a restart. Pure: the arrival time is handed in.
"""

from __future__ import annotations

import math
from collections import deque
from dataclasses import dataclass
from statistics import median


@dataclass(frozen=True, slots=True, kw_only=True)
class Stamp:
    """When a frame was shown to the camera, as far as can be told."""

    pts_s: float
    """Seconds since the source's first frame; rises over all epochs."""
    epoch: int
    late: bool
    """Whether it is old: of a backlog that is being caught up, or held back while others came."""
    lag_s: float
    """How far it came behind the stream's own clock, counted from the least of this epoch."""


class LiveClock:
    """Turns what a stream says about time into stamps.

    A frame whose time does not rise is older than one already given and gets no stamp. When eight
    in a row get none, the stream's clock is broken and arrival times take its place until the next
    epoch.

    Args:
        gap_s: A longer silence in the stream's own time, or a jump back by as much, is a new epoch;
            of a stream whose frames lie further apart, three of its own periods.
    """

    _PATIENCE = 8
    _BACKLOG_S = 0.25
    # A frame that waited longer than this on its way is old news.
    _HELD_S = 1.0
    _KNOWN_GAPS = 3
    # What a clock that runs too fast may gain on ours: 1 ms in each second.
    _DRIFT = 1e-3

    def __init__(self, *, gap_s: float = 1.0) -> None:
        self._gap_s = gap_s
        self._epoch = -1
        self._started_s: float | None = None
        self._last_s = 0.0
        self._offset_s: float | None = None
        self._refused = 0
        self._trusted = True
        self._fresh = True
        self._last_wall_s = 0.0
        self._least_lag_s = 0.0
        self._gaps_s: deque[float] = deque(maxlen=9)

    def reconnected(self) -> None:
        """The next frame begins an epoch."""
        self._fresh = True
        self._gaps_s.clear()

    def stamp(self, media_s: float | None, arrived_s: float) -> Stamp | None:
        """When the frame was; None if it is older than one already stamped.

        Args:
            media_s: The stream's own presentation time; None where it gives none.
            arrived_s: When it came, on a clock that never steps back.
        """
        if self._started_s is None:
            self._started_s = arrived_s
        wall_s = arrived_s - self._started_s
        if self._fresh:
            return self._begin(media_s, wall_s)
        now_s = self._told(media_s, wall_s)
        longest_s = self._longest_gap_s
        if now_s > self._last_s:
            self._gaps_s.append(now_s - self._last_s)
        if now_s - self._last_s > longest_s or self._last_s - now_s > self._gap_s:
            return self._begin(media_s, wall_s)
        return self._rise(now_s, wall_s)

    @property
    def _longest_gap_s(self) -> float:
        """The longest silence that is none; any, until there are gaps to judge by."""
        if len(self._gaps_s) < self._KNOWN_GAPS:
            return math.inf
        return max(self._gap_s, 3 * median(self._gaps_s))

    def _told(self, media_s: float | None, wall_s: float) -> float:
        if media_s is None or not self._trusted:
            return max(wall_s, self._last_s + 1e-3)
        if self._offset_s is None:
            # The first frame often has no time of its own: its arrival anchors the others.
            self._offset_s = max(wall_s, self._last_s + 1e-3) - media_s
        return media_s + self._offset_s

    def _rise(self, now_s: float, wall_s: float) -> Stamp | None:
        if now_s > self._last_s + 1e-6:
            self._refused = 0
            return self._kept(now_s, wall_s)
        self._refused += 1
        if self._refused < self._PATIENCE:
            return None
        self._trusted = False
        return self._kept(max(wall_s, self._last_s + 1e-3), wall_s)

    def _begin(self, media_s: float | None, wall_s: float) -> Stamp:
        self._epoch += 1
        self._fresh, self._trusted, self._refused = False, True, 0
        start_s = wall_s if self._epoch == 0 else max(wall_s, self._last_s + 1e-3)
        self._offset_s = None if media_s is None else start_s - media_s
        self._least_lag_s = wall_s - start_s
        return self._kept(start_s, wall_s)

    def _kept(self, now_s: float, wall_s: float) -> Stamp:
        waited_s, media_s = wall_s - self._last_wall_s, now_s - self._last_s
        rushed = waited_s < 0.5 * media_s
        held = waited_s - media_s > max(self._HELD_S, media_s)
        drift_s = self._DRIFT * (wall_s - self._last_wall_s)
        lag_s = wall_s - now_s
        self._least_lag_s = min(lag_s, self._least_lag_s + drift_s)
        since_s = lag_s - self._least_lag_s
        behind = since_s > self._BACKLOG_S
        self._last_s, self._last_wall_s = now_s, wall_s
        return Stamp(
            pts_s=now_s, epoch=self._epoch, late=behind and (rushed or held), lag_s=since_s
        )
