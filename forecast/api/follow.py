"""Steps taken in a thread of its own, so that whoever wants the newest need not wait for it."""

from __future__ import annotations

import threading
from collections.abc import Callable, Iterator

from forecast.values import Step

StepListener = Callable[[Step], None]
"""Called with every step, from the thread that takes them; it holds up the next one."""


class Follower:
    """Takes steps until there are no more; the newest may be asked for from any thread.

    Args:
        steps: Begins the iteration, in the thread that takes them.
        on_step: Told of every step. What it raises ends the following and is raised by `latest`.
    """

    def __init__(self, steps: Callable[[], Iterator[Step]], on_step: StepListener | None) -> None:
        self._steps = steps
        self._on_step = on_step
        self._latest: Step | None = None
        self._fault: BaseException | None = None
        self._thread = threading.Thread(target=self._follow, name="forecast-follow", daemon=True)
        self._thread.start()

    @property
    def latest(self) -> Step | None:
        """The newest step; None before the first.

        Raises:
            BaseException: What the steps, or the listener, ended with.
        """
        if self._fault is not None:
            raise self._fault
        return self._latest

    def join(self) -> None:
        """Wait for the end, unless it is the listener that asks."""
        if threading.current_thread() is not self._thread:
            self._thread.join()

    def _follow(self) -> None:
        try:
            for step in self._steps():
                self._latest = step
                if self._on_step is not None:
                    self._on_step(step)
        except BaseException as fault:  # noqa: BLE001 - raised by whoever asks for the newest
            self._fault = fault
