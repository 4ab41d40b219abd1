"""`forecast process`: from videos to recordings, overlay videos and label pictures."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

from forecast.api.process import process
from forecast.api.settings import ProcessSettings
from forecast.stages import FrameSource
from pipelines.progress import console, progress


def process_video(
    sources: Sequence[str | FrameSource], out: Path, settings: ProcessSettings
) -> int:
    """Process everything that was named into `out`, and say how fast that was.

    Raises:
        UsageError: A name, a horizon or a resumed run does not fit.
        OpenError: A source or some weights cannot be read; what was decoded is kept.
    """
    for one in process(sources, out, settings, watch=progress):
        console.print(
            f"{one.clip}: {one.num_frames} frames, {one.frames_per_s:.1f} frames/s; "
            f"the slowest stage is {one.slowest}, busy {100 * one.busy:.0f} % of the time"
        )
    return 0
