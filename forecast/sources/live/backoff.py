"""How long to wait before the next attempt to reconnect. Sleeps nowhere, knows no source."""

from __future__ import annotations

import random


class Backoff:
    """Waits that double up to a cap, each shortened at random so that cameras do not march in step.

    Args:
        first_s: The wait after the first failure.
        cap_s: No wait is longer.
        retries: Failures in a row that are forgiven; None forgives for ever.
        rng: Where the jitter comes from.
    """

    def __init__(
        self,
        *,
        first_s: float = 0.25,
        cap_s: float = 5.0,
        retries: int | None = None,
        rng: random.Random | None = None,
    ) -> None:
        self._first_s = first_s
        self._cap_s = cap_s
        self._retries = retries
        self._rng = rng or random.Random()
        self._failures = 0

    @property
    def failures(self) -> int:
        """Failures since the last success."""
        return self._failures

    def succeeded(self) -> None:
        """A frame came: the next failure counts as the first."""
        self._failures = 0

    def failed(self) -> float | None:
        """Seconds to wait before the next attempt; None if there shall be no more."""
        self._failures += 1
        if self._retries is not None and self._failures > self._retries:
            return None
        # Past 32 doublings every cap is long reached, and the power would overflow.
        full_s = min(self._cap_s, self._first_s * 2.0 ** min(self._failures - 1, 32))
        return full_s * self._rng.uniform(0.5, 1.0)
