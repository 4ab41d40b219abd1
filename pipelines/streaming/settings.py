"""What `forecast stream` can be told. Imports nothing heavy."""

from __future__ import annotations

import math
from dataclasses import dataclass
from pathlib import Path

from cyclopts import Parameter

from forecast.api.settings import horizon_problems

# Size is named in a field of the base, whose types cyclopts looks up in this module.
from pipelines.config import Floats, ModelOptions, Names, Size, Switch  # noqa: F401  # pyright: ignore[reportUnusedImport]

STREAM_SAVABLE = ("recording", "overlay", "rerun")
POLICIES = ("auto", "latest", "every")


@Parameter(name="*")
@dataclass(frozen=True, kw_only=True)
class StreamSettings(ModelOptions):
    """What `forecast stream` does."""

    segmenter: str = "fast-scnn"
    """Name from `forecast models`; fddwnet-small sees more and takes twice as long."""
    predictor: str = "flow-warp"
    """Name from `forecast models`."""
    predictor_weights: Path | None = None
    """The predictor's weights, if not the bundled ones."""
    horizons: Floats = (0.18, 0.53)
    """Seconds ahead."""
    serve: str | None = None
    """HOST:PORT of the live page, for instance 127.0.0.1:8000."""
    token: str | None = None
    """What viewers must show; needed unless only this machine can reach the page."""
    retries: int = 20
    """Failed attempts in a row before a source counts as lost; -1 tries for ever."""
    open_timeout: float = 5.0
    """Seconds that opening a source may take."""
    read_timeout: float = 5.0
    """Seconds of silence before a source is opened again."""
    policy: str = "auto"
    """latest, every, or auto: latest for cameras, networks and pipes, every for files and -."""
    realtime: Switch = False
    """Play files at their own rate, as a camera would."""
    container: str | None = None
    """FFmpeg's name of the input format, where it cannot be guessed."""
    save: Names = ()
    """Any of recording, overlay, rerun; needs --out."""
    record_for: float | None = None
    """Stop after so many seconds."""
    segment_minutes: float | None = None
    """Begin new output files every so many minutes."""

    def problems(self) -> list[str]:
        """What is wrong with the values, a line each."""
        faults = ModelOptions.problems(self) + horizon_problems(self.horizons)
        if self.policy not in POLICIES:
            faults.append(f"policy is {self.policy!r}; known: {', '.join(POLICIES)}")
        unknown = [name for name in self.save if name not in STREAM_SAVABLE]
        if unknown:
            faults.append(f"save has {', '.join(unknown)}; known: {', '.join(STREAM_SAVABLE)}")
        if self.retries < -1:
            faults.append(f"retries is {self.retries}; it must be -1, for ever, or more")
        for name in ("open_timeout", "read_timeout", "record_for", "segment_minutes"):
            value = getattr(self, name)
            if value is not None and not 0 < value < math.inf:
                faults.append(f"{name} is {value}; it must be a number above 0")
        return faults
