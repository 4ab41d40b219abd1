"""How long each stage of the engine is at work."""

from __future__ import annotations

import time
from collections.abc import Generator, Mapping
from contextlib import contextmanager


class StageClock:
    """How long each stage has been busy; each stage is timed by one thread at a time."""

    def __init__(self) -> None:
        self._busy_s: dict[str, float] = {}
        self._began_s = time.perf_counter()
        self.num_frames = 0
        """Frames that have left the pipeline."""

    @contextmanager
    def timing(self, stage: str) -> Generator[None]:
        """Counts the time inside the `with` as work of the stage."""
        began_s = time.perf_counter()
        try:
            yield
        finally:
            self.add(stage, time.perf_counter() - began_s)

    def add(self, stage: str, seconds: float) -> None:
        """Count work of a stage that was timed elsewhere."""
        self._busy_s[stage] = self._busy_s.get(stage, 0.0) + seconds

    @property
    def elapsed_s(self) -> float:
        """Wall time since the clock was made."""
        return time.perf_counter() - self._began_s

    @property
    def frames_per_s(self) -> float:
        """Frames that left the pipeline for each second of wall time."""
        return self.num_frames / self.elapsed_s

    @property
    def busy_share(self) -> Mapping[str, float]:
        """Fraction of the wall time that each stage was at work; near 1 is the bottleneck."""
        elapsed_s = self.elapsed_s
        return {stage: busy_s / elapsed_s for stage, busy_s in self._busy_s.copy().items()}

    @property
    def slowest(self) -> tuple[str, float] | None:
        """The busiest stage and its share of the wall time; None before any has worked."""
        shares = self.busy_share
        return max(shares.items(), key=lambda pair: pair[1]) if shares else None
