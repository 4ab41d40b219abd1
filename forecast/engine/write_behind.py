"""Writing to sinks on a thread of its own, behind what is computed.

Promises that a sink's fault reaches the writer, and that every sink is closed on every way out.
"""

from __future__ import annotations

import threading
from collections.abc import Sequence

from forecast.engine.clock import StageClock
from forecast.engine.queues import Handover
from forecast.stages import Sink
from forecast.values import Step


class WriteBehind:
    """A sink that hands steps to others in one thread of its own, at most `depth` behind.

    A fault of any of them stops all: it is raised by the next `write`, or by `close`, which
    finalises every sink first.
    """

    def __init__(
        self, sinks: Sequence[Sink], *, depth: int = 8, clock: StageClock | None = None
    ) -> None:
        self._sinks = sinks
        self._clock = clock or StageClock()
        self._handover: Handover[Step] = Handover(depth)
        self._fault: BaseException | None = None
        self._closed = False
        self._thread = threading.Thread(target=self._consume, name="forecast-write", daemon=True)
        self._thread.start()

    def _consume(self) -> None:
        try:
            while steps := self._handover.take():
                with self._clock.timing("write"):
                    for sink in self._sinks:
                        sink.write(steps[0])
        except BaseException as caught:  # noqa: BLE001 - raised by the next write or close
            self._fault = caught
            self._handover.leave()

    def write(self, step: Step) -> None:
        """Queue one step; waits while `depth` are queued."""
        if not self._handover.put(step):
            self._raise()

    def close(self) -> None:
        """Write what is queued, join the thread, finalise every sink, raise the first fault."""
        if self._closed:
            return
        self._closed = True
        self._handover.end()
        self._thread.join()
        for sink in self._sinks:
            try:
                sink.close()
            except Exception as caught:  # noqa: BLE001 - the other sinks must be finalised too
                self._fault = self._fault or caught
        self._raise()

    def _raise(self) -> None:
        if self._fault is not None:
            fault, self._fault = self._fault, None
            raise fault
