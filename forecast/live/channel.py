"""One source on the page: its newest snapshot, its numbers, and who waits for the next.

`publish` takes about a millisecond and never waits: pictures are encoded when a viewer wants one,
once for all viewers, in the server's threads. Safe to use from any thread.
"""

from __future__ import annotations

import threading
import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import asdict, dataclass
from typing import Any

from forecast.geometry.resize import resize_labels
from forecast.geometry.shown import forecast_labels, labels_of, picture_of
from forecast.labels import LabelSpace
from forecast.live.encoding import message
from forecast.live.fallback import Fallback
from forecast.live.rolling import Percentiles, RollingPercentiles, RollingRate
from forecast.live.snapshot import Snapshot
from forecast.live.verification import REFERENCE, RunningScore, Verifier
from forecast.values import Step

_PAUSED_S = 3.0


@dataclass(frozen=True, slots=True, kw_only=True)
class SourceStatus:
    """How a source is doing, in the words of the page."""

    state: str
    """connecting, live, stalled, lost or ended."""
    trouble: str = ""
    """What is wrong with it now, without credentials."""
    unwritten: str = ""
    """Why nothing is being saved at the moment; empty while all is well."""
    num_unwritten: int = 0
    """Steps that are missing in what is saved."""
    num_dropped: int = 0
    num_thinned: int = 0
    """Frames left out evenly, at the pace that can be kept."""
    num_reconnects: int = 0
    age_s: float | None = None
    """Since the newest frame arrived."""
    recovery_s: float | None = None
    """How long the last gap was."""
    source_fps: float = 0.0
    lag_s: float = 0.0
    """How far the newest frame came behind the source's own clock."""


class Channel:
    """The newest of one source.

    Args:
        name: As it is called on the page and in addresses.
        shown: The source's address without credentials.
        space: What the labels mean.
        predictor: Its name; None if nothing is forecast.
        horizons_s: How far ahead.
        status: Asked whenever someone looks.
    """

    def __init__(
        self,
        name: str,
        *,
        shown: str,
        space: LabelSpace,
        predictor: str | None,
        horizons_s: Sequence[float],
        status: Callable[[], SourceStatus],
    ) -> None:
        self.name = name
        self.shown = shown
        self.space = space
        self.horizons_s = tuple(horizons_s)
        self.predictor = predictor
        self._status = status
        self._verifier = Verifier(predictor or "", space)
        self._fallback = Fallback()
        self._lock = threading.Lock()
        self._latency = RollingPercentiles()
        self._stages: dict[str, RollingPercentiles] = {}
        self._encoding_ms = RollingPercentiles()
        self._viewing_ms = RollingPercentiles()
        self._rate = RollingRate()
        self._snapshot: Snapshot | None = None
        self._scores: Sequence[RunningScore] = ()
        self._warming_up = predictor is not None
        self._listeners: set[Callable[[], None]] = set()
        self._encoding = threading.Lock()
        self._encoded: tuple[int, bytes] | None = None
        self.num_published = 0

    def publish(self, step: Step) -> None:
        """Make this step the newest; whoever waits is woken."""
        now = labels_of(step.segmentation)
        forecasts = forecast_labels(step)
        # The forecast goes on being checked where a copy is shown, so that it can come back.
        verified = self._verifier.observe(step.frame.at, now, forecasts)
        scores = self._verifier.scores()
        self._fallback.update(scores)
        copied = frozenset(self._fallback.horizons_s & forecasts.keys())
        moment_s = time.monotonic()
        snapshot = Snapshot(
            number=self.num_published + 1,
            at=step.frame.at,
            space=step.segmentation.space,
            rgb=picture_of(step),
            now=now,
            forecasts={
                horizon_s: resize_labels(now, labels.shape) if horizon_s in copied else labels
                for horizon_s, (_, labels) in forecasts.items()
            },
            copied=copied,
            served_s={horizon_s: served_s for horizon_s, (served_s, _) in forecasts.items()},
            foreseen={
                one.horizon_s: one.forecast for one in verified if one.predictor != REFERENCE
            },
            published_s=moment_s,
            captured_unix_s=step.captured_unix_s,
        )
        with self._lock:
            self._snapshot, self._scores = snapshot, scores
            self._warming_up = step.warming_up
            self.num_published += 1
            self._rate.add(moment_s)
            self._latency.add(sum(step.latency_ms.values()))
            for stage, spent_ms in step.latency_ms.items():
                self._stages.setdefault(stage, RollingPercentiles()).add(spent_ms)
            listeners = list(self._listeners)
        for listener in listeners:
            listener()

    @property
    def latest(self) -> Snapshot | None:
        """The newest snapshot."""
        with self._lock:
            return self._snapshot

    def listen(self, listener: Callable[[], None]) -> Callable[[], None]:
        """Call it, from the publishing thread, at every snapshot; the result stops that."""
        with self._lock:
            self._listeners.add(listener)

        def leave() -> None:
            with self._lock:
                self._listeners.discard(listener)

        return leave

    @property
    def num_listeners(self) -> int:
        """Viewers."""
        with self._lock:
            return len(self._listeners)

    def message(self, snapshot: Snapshot) -> bytes:
        """The snapshot as bytes; encoded once however many viewers ask."""
        with self._encoding:
            if self._encoded is None or self._encoded[0] != snapshot.number:
                began_s = time.monotonic()
                self._encoded = snapshot.number, message(snapshot, self.numbers())
                with self._lock:
                    self._encoding_ms.add(1e3 * (time.monotonic() - began_s))
            return self._encoded[1]

    def viewed(self, snapshot: Snapshot) -> None:
        """A viewer has drawn it; one that had paused is not counted."""
        since_s = time.monotonic() - snapshot.published_s
        if since_s < _PAUSED_S:
            with self._lock:
                self._viewing_ms.add(1e3 * since_s)

    @property
    def status(self) -> SourceStatus:
        """How the source is doing."""
        return self._status()

    def numbers(self) -> dict[str, Any]:
        """Everything but pictures, ready for JSON."""
        status = asdict(self.status)
        now_s = time.monotonic()
        with self._lock:
            latency = self._latency.summary()
            age_s = None if self._snapshot is None else now_s - self._snapshot.published_s
            return {
                "type": "status",
                "source": self.name,
                "shown": self.shown,
                **{key: _short(value) for key, value in status.items()},
                "warming_up": self._warming_up,
                "fps": _short(self._rate.per_second(now_s)),
                "snapshot_age_s": _short(age_s),
                "latency_ms": _percentiles(latency),
                "stages_ms": {
                    name: _percentiles(one.summary()) for name, one in self._stages.items()
                },
                "encode_ms": _percentiles(self._encoding_ms.summary()),
                "viewed_ms": _percentiles(self._viewing_ms.summary()),
                "usable_lead_s": self._leads(latency, status["lag_s"]),
                "scores": [_score(one) for one in self._scores],
                "copied_horizons_s": sorted(self._snapshot.copied) if self._snapshot else [],
            }

    def description(self) -> dict[str, Any]:
        """What does not change: classes, horizons, names."""
        return {
            "source": self.name,
            "shown": self.shown,
            "predictor": self.predictor,
            "horizons_s": list(self.horizons_s),
            "space": self.space.name,
            "classes": [
                {"name": one.name, "colour": list(one.colour), "moving": one.moving}
                for one in self.space.classes
            ],
        }

    def _leads(self, latency: Percentiles | None, lag_s: float) -> Mapping[str, float | None]:
        """By horizon: what is left of it when the answer is there, after the link and after us."""
        if latency is None:
            return {}
        served_s = {} if self._snapshot is None else self._snapshot.served_s
        return {
            f"{one:g}": _short(served_s.get(one, one) - latency.p95 / 1e3 - lag_s)
            for one in self.horizons_s
        }


def _short(value: Any) -> Any:
    return round(value, 4) if isinstance(value, float) else value


def _percentiles(summary: Percentiles | None) -> Mapping[str, float] | None:
    return None if summary is None else {"p50": _short(summary.p50), "p95": _short(summary.p95)}


def _score(score: RunningScore) -> Mapping[str, Any]:
    return {key: _short(value) for key, value in asdict(score).items()}
