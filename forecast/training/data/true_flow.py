"""Flow that the data itself carries, where it does; another estimator's everywhere else.

Axes: H W picture.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Protocol, runtime_checkable

from jaxtyping import Float
from torch import Tensor

from forecast.geometry.resize import resize_flow
from forecast.stages import FlowEstimator
from forecast.values import Frame


@runtime_checkable
class KnowsFlow(Protocol):
    """A clip that knows where each of its pixels came from."""

    def flow(self, index: int, *, lag: int = 1) -> Float[Tensor, "2 H W"]:
        """Backward flow from a frame to the one `lag` frames before, in pixels of its pictures."""
        ...


class TrueFlow:
    """The flow of clips that know it, at the size of the frames that ask.

    A point that left the picture is said to be at most a picture's width or height outside: one
    behind the earlier camera is nowhere, and no other estimator speaks of it.

    Args:
        clips: By name.
    """

    name = "exact"

    def __init__(self, clips: Mapping[str, KnowsFlow]) -> None:
        self._clips = clips

    def __call__(self, reference: Frame, moving: Frame) -> Float[Tensor, "2 H W"]:
        """The flow of the pair."""
        at = reference.at
        flow = self._clips[at.clip].flow(at.index, lag=at.index - moving.at.index)
        most = float(max(flow.shape[-2:]))
        return resize_flow(flow.clamp(-most, most), reference.size_hw)


class FlowByClip:
    """One estimator for some clips and another for the rest.

    Args:
        chosen: Estimators by the names of the clips that they are for.
        otherwise: For every other clip.
    """

    def __init__(self, chosen: Mapping[str, FlowEstimator], otherwise: FlowEstimator) -> None:
        self._chosen = chosen
        self._otherwise = otherwise

    @property
    def name(self) -> str:
        """Those within, each once."""
        return "+".join(sorted({one.name for one in (*self._chosen.values(), self._otherwise)}))

    def __call__(self, reference: Frame, moving: Frame) -> Float[Tensor, "2 H W"]:
        """The flow of the pair."""
        return self._chosen.get(reference.at.clip, self._otherwise)(reference, moving)
