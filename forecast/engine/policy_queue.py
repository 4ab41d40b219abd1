"""From the thread that reads to the one that consumes: the newest item, or every item.

`latest` drops what was overtaken and never blocks the reader; `every` blocks it and drops nothing.
"""

from __future__ import annotations

import threading
from collections import deque
from typing import Generic, Literal, TypeVar

Item = TypeVar("Item")
Policy = Literal["latest", "every"]


class HandOver(Generic[Item]):
    """One reader, one consumer; an error arrives after every item that was put before it."""

    def __init__(self, policy: Policy, *, capacity: int = 4) -> None:
        self._latest = policy == "latest"
        self._capacity = capacity
        self._items: deque[Item] = deque()
        self._changed = threading.Condition()
        self._finished = False
        self._error: Exception | None = None

    def put(self, item: Item) -> int:
        """How many items this one overtook. Blocks under `every` while the queue is full."""
        with self._changed:
            overtaken = 0
            if self._latest:
                overtaken = len(self._items)
                self._items.clear()
            else:
                self._changed.wait_for(lambda: self._finished or not self._full)
            if not self._finished:
                self._items.append(item)
            self._changed.notify_all()
            return overtaken

    def take(self, timeout_s: float) -> Item | None:
        """The next item; None if none came in time or there will be none.

        Raises:
            Exception: What the reader ended with, once every item is taken.
        """
        with self._changed:
            self._changed.wait_for(lambda: self._items or self._finished, timeout_s)
            if self._items:
                item = self._items.popleft()
                self._changed.notify_all()
                return item
            if self._error is not None:
                raise self._error
            return None

    def finish(self, error: Exception | None = None) -> None:
        """No more items; whoever waits is woken."""
        with self._changed:
            if not self._finished:
                self._finished, self._error = True, error
            self._changed.notify_all()

    def abandon(self) -> None:
        """The consumer is gone: what waits is dropped, and whoever puts is let go."""
        with self._changed:
            self._finished, self._error = True, None
            self._items.clear()
            self._changed.notify_all()

    @property
    def drops(self) -> bool:
        """Whether what is overtaken is dropped."""
        return self._latest

    @property
    def exhausted(self) -> bool:
        """Whether there is nothing left and nothing to come."""
        with self._changed:
            return self._finished and not self._items and self._error is None

    @property
    def _full(self) -> bool:
        return len(self._items) >= self._capacity
