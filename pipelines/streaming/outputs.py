"""Files of a stream that may run for weeks.

They are begun anew every so often, and nothing that is there already is written over. When the disk
is full they are given up until the next segment, and forecasts go on.
"""

from __future__ import annotations

import logging
from collections.abc import Callable, Sequence
from contextlib import suppress
from itertools import count
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
        """Why nothing is written at the moment; empty while all is well."""
        self.first_fault = ""
        """Why something is missing in the files; empty if nothing is."""
        self.num_unwritten = 0
        """Steps that are missing."""

    def write(self, step: Step) -> None:
        """Keep one step, unless the disk has failed in this segment."""
        try:
            self._turn(step.frame.at.pts_s)
            if not self.trouble:
                for sink in self._sinks:
                    sink.write(step)
                return
        except (StorageError, OSError) as fault:
            self._failed(fault)
            self.close()
        self.num_unwritten += 1

    def _failed(self, fault: Exception) -> None:
        self.trouble = str(fault)
        self.first_fault = self.first_fault or self.trouble
        until = "nothing more is written"
        if self._segment_s is not None:
            until = f"nothing is written until the next segment ({self._segment_s / 60:g} minutes)"
        _log.warning("%s: %s; %s, forecasts go on", self._shown, fault, until)

    def close(self) -> None:
        """Finalise what is open; what cannot be finalised is reported, not raised."""
        sinks, self._sinks = self._sinks, ()
        for sink in sinks:
            try:
                sink.close()
            except (StorageError, OSError) as fault:
                self.trouble = self.trouble or str(fault)
                self.first_fault = self.first_fault or str(fault)
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
        # Each segment is a new attempt: the disk may have room again.
        self.trouble = ""


def run_folder(out: Path) -> Path:
    """A folder for one run that holds nothing of any other: `out`, or one numbered within it.

    Raises:
        StorageError: It cannot be made.
    """
    try:
        out.mkdir(parents=True, exist_ok=True)
        if not any(out.iterdir()) and _claimed(out):
            return out
        for number in count(2):
            folder = out / f"run-{number}"
            # Made by us or not at all: two commands that begin at once get one each.
            with suppress(FileExistsError):
                folder.mkdir()
                return folder
    except OSError as fault:
        raise StorageError(
            f"{out} cannot hold what --save makes ({fault.strerror}); choose another folder"
        ) from fault
    raise AssertionError("there is always a next number")


def _claimed(folder: Path) -> bool:
    """Whether nobody else has begun there in the meantime."""
    with suppress(FileExistsError):
        (folder / "run.json").touch(exist_ok=False)
        return True
    return False
