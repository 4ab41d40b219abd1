"""Several refiners, one after the other."""

from __future__ import annotations

from collections.abc import Sequence

from forecast.checkpoints import fingerprint
from forecast.stages import Refiner
from forecast.values import Frame, Segmentation


class Chain:
    """Each refiner is given what the one before it made.

    Args:
        refiners: In the order they work, at least one.
    """

    def __init__(self, refiners: Sequence[Refiner]) -> None:
        assert refiners
        self._refiners = tuple(refiners)
        self.name = ",".join(one.name for one in refiners)
        self.remembers = any(one.remembers for one in refiners)
        self.fingerprint = fingerprint({}, *(one.fingerprint for one in refiners))

    def __call__(self, segmentation: Segmentation, frame: Frame) -> Segmentation:
        """The segmentation, refined by all."""
        for refiner in self._refiners:
            segmentation = refiner(segmentation, frame)
        return segmentation

    def reset(self) -> None:
        """Forget the past: a new clip or epoch begins."""
        for refiner in self._refiners:
            refiner.reset()
