"""How far a long job is: a bar with an ETA on a terminal, plain lines elsewhere."""

from __future__ import annotations

import time
from collections.abc import Callable, Generator
from contextlib import contextmanager
from typing import Protocol

from rich.console import Console
from rich.progress import (
    BarColumn,
    MofNCompleteColumn,
    Progress,
    TextColumn,
    TimeElapsedColumn,
    TimeRemainingColumn,
)

from pipelines.stopping import raise_if_asked

console = Console(highlight=False)
"""Where commands speak to people."""

_LINE_EVERY_S = 10.0


class Advance(Protocol):
    """Called once for each unit of work done."""

    def __call__(self) -> None:
        """Count one."""


@contextmanager
def progress(title: str, total: int | None, *, unit: str = "frames") -> Generator[Advance]:
    """A counter to call after each unit of work; it raises if the command was asked to stop.

    Args:
        title: What is being done.
        total: How many units there are; None if nobody knows.
        unit: What is counted.
    """
    if console.is_terminal:
        with _bar() as bar:
            task = bar.add_task(title, total=total)
            yield _asking(lambda: bar.advance(task))
    else:
        yield _asking(_Lines(title, total, unit))


def _asking(advance: Callable[[], None]) -> Advance:
    def advance_or_stop() -> None:
        advance()
        raise_if_asked()

    return advance_or_stop


def _bar() -> Progress:
    return Progress(
        TextColumn("{task.description}"),
        BarColumn(),
        MofNCompleteColumn(),
        TimeElapsedColumn(),
        TextColumn("ETA"),
        TimeRemainingColumn(),
        console=console,
    )


class _Lines:
    """Says how far it is every few seconds, for logs."""

    def __init__(self, title: str, total: int | None, unit: str) -> None:
        self._title, self._total, self._unit = title, total, unit
        self._done = 0
        self._begun = self._said = time.monotonic()

    def __call__(self) -> None:
        self._done += 1
        now = time.monotonic()
        if now - self._said < _LINE_EVERY_S and self._done != self._total:
            return
        self._said = now
        rate = self._done / max(now - self._begun, 1e-9)
        of = "" if self._total is None else f" of {self._total}"
        left = "" if self._total is None else f", {(self._total - self._done) / rate:.0f} s left"
        console.print(f"{self._title}: {self._done}{of} {self._unit}, {rate:.1f}/s{left}")
