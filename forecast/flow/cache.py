"""Flow that is computed once for each pair of frames, however many predictors ask.

Axes: H W picture.
"""

from __future__ import annotations

from collections import OrderedDict

from jaxtyping import Float
from torch import Tensor

from forecast.stages import FlowEstimator
from forecast.values import Frame, Instant

_Key = tuple[Instant, Instant, tuple[int, int]]


class CachedFlow:
    """Another estimator's flow, the last `size` pairs remembered.

    A pair is known by its two instants and the size of its pictures, so clips need names that
    differ. The flow handed out is shared: read it, do not write to it. One thread at a time.
    """

    def __init__(self, estimator: FlowEstimator, size: int = 16) -> None:
        self._estimator = estimator
        self._size = size
        self._known: OrderedDict[_Key, Float[Tensor, "2 H W"]] = OrderedDict()

    @property
    def name(self) -> str:
        """That of the estimator within: remembering changes no result."""
        return self._estimator.name

    def forget(self) -> None:
        """Nothing is remembered any more: whoever asks next pays for it."""
        self._known.clear()

    def __call__(self, reference: Frame, moving: Frame) -> Float[Tensor, "2 H W"]:
        """The flow of the pair, computed if it is not remembered."""
        key = (reference.at, moving.at, reference.size_hw)
        if key not in self._known:
            self._known[key] = self._estimator(reference, moving)
            if len(self._known) > self._size:
                self._known.popitem(last=False)
        self._known.move_to_end(key)
        return self._known[key]
