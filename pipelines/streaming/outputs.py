"""Files of a stream that may run for weeks.

They are begun anew every so often; when the disk is full they are given up and forecasts go on.
"""

from __future__ import annotations

import logging
from collections.abc import Callable, Sequence
from pathlib import Path

from forecast.errors import StorageError
from forecast.stages import Sink
from forecast.values import Step

_log = logging.getLogger("forecast.engine.run")


class Outputs:
    """A sink that hands steps to others, in one folder or in one after another.

    Args:
        folder: Where they write; with segments, `000`, `001`, ... within it.
        opened: Makes the sinks of a folder.
        segment_s: How long a segment lasts by presentation time; None for ever.
        shown: What the source is called in messages.
    """

    def __init__(
        self,
        folder: Path,
        opened: Callable[[Path], Sequence[Sink]],
        *,
        segment_s: float | None,
        shown: str,
    ) -> None:
        self._folder = folder
        self._opened = opened
        self._segment_s = segment_s
        self._shown = shown
        self._sinks: Sequence[Sink] = ()
        self._began_s: float | None = None
        self._num_segments = 0
        self.trouble = ""
        """Why nothing is written any more; empty while all is well."""

    def write(self, step: Step) -> None:
        """Keep one step, unless the disk has failed before."""
        if self.trouble:
            return
        try:
            self._turn(step.frame.at.pts_s)
            for sink in self._sinks:
                sink.write(step)
        except StorageError as fault:
            self.trouble = str(fault)
            _log.warning("%s: %s; nothing more is written, forecasts go on", self._shown, fault)
            self.close()

    def close(self) -> None:
        """Finalise what is open; what cannot be finalised is reported, not raised."""
        sinks, self._sinks = self._sinks, ()
        for sink in sinks:
            try:
                sink.close()
            except (StorageError, OSError) as fault:
                self.trouble = self.trouble or str(fault)
                _log.warning("%s: could not finish a file: %s", self._shown, fault)

    def _turn(self, pts_s: float) -> None:
        over = self._segment_s is not None and pts_s - (self._began_s or 0.0) >= self._segment_s
        if self._began_s is not None and not over:
            return
        self.close()
        self._began_s = pts_s
        number, self._num_segments = self._num_segments, self._num_segments + 1
        whole = self._segment_s is None
        self._sinks = self._opened(self._folder if whole else self._folder / f"{number:03}")
