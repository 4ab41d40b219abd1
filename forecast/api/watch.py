"""How whoever called is told how far a long job is."""

from __future__ import annotations

from collections.abc import Callable, Generator
from contextlib import AbstractContextManager, contextmanager
from typing import Protocol, runtime_checkable

Advance = Callable[[], None]
"""Called once for each unit of work done; what it raises ends the job."""


@runtime_checkable
class Watch(Protocol):
    """Opened once for each long job."""

    def __call__(
        self, title: str, total: int | None, *, unit: str
    ) -> AbstractContextManager[Advance]:
        """What to call after each unit of work.

        Args:
            title: What is being done.
            total: How many units there are; None if nobody knows.
            unit: What is counted.
        """
        ...


@contextmanager
def unwatched(title: str, total: int | None, *, unit: str) -> Generator[Advance]:  # noqa: ARG001
    """Tells nobody."""
    yield lambda: None
