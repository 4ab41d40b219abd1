"""Every network that can be trained to forecast, named once.

Reading the table imports nothing heavy; building a network does.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from enum import Enum, auto
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from torch import nn

NUM_CLASSES = 19
"""Cityscapes', which all of them learn."""


class Kind(Enum):
    """What a network is given, and so how it learns and is loaded."""

    FLOW_GUIDED = auto()
    """Optical flow, several past maps and a horizon: `FlowGuided`."""
    FLOW_ROLLOUT = auto()
    """The same and its own last forecast, one stride at a time: `FlowRollout`."""
    MAPS = auto()
    """Past maps alone, one stride at a time: `Rollout`."""
    PICTURES = auto()
    """Past pictures, one stride at a time, segmented afterwards: `X2X`."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Trainable:
    """One row of the table."""

    what: str
    """In a line, for `forecast models`."""
    kind: Kind
    build: Callable[[float], nn.Module]
    """An untrained network, from its width as a share of the published one."""

    @property
    def needs_flow(self) -> bool:
        """Whether it is shown optical flow."""
        return self.kind in (Kind.FLOW_GUIDED, Kind.FLOW_ROLLOUT)

    @property
    def needs_pictures(self) -> bool:
        """Whether it learns from pictures; the others learn from maps alone."""
        return self.kind is not Kind.MAPS


def _flow_guided(size: str) -> Callable[[float], nn.Module]:
    def build(_: float) -> nn.Module:
        from forecast.prediction.flow_guided.network import WIDTHS, FlowGuidedNetwork
        from forecast.prediction.flow_guided.weights import NUM_MAPS

        return FlowGuidedNetwork(num_classes=NUM_CLASSES, num_maps=NUM_MAPS, width=WIDTHS[size])

    return build


def _s2s(*, channels: int = NUM_CLASSES, dilation: int = 1) -> Callable[[float], nn.Module]:
    def build(width: float) -> nn.Module:
        from forecast.prediction.one_step.s2s import S2SNetwork

        return S2SNetwork(num_classes=channels, width=width, dilation=dilation)

    return build


def _conv_lstm(width: float) -> nn.Module:
    from forecast.prediction.one_step.conv_lstm import ConvLSTMNetwork

    return ConvLSTMNetwork(num_classes=NUM_CLASSES, channels=max(1, round(24 * width)))


TRAINABLE: Mapping[str, Trainable] = {
    "flow-guided-small": Trainable(
        what="the warp, corrected by a small network: given flow, several past maps, the horizon",
        kind=Kind.FLOW_GUIDED,
        build=_flow_guided("small"),
    ),
    "flow-guided-base": Trainable(
        what="the same with a network of 11 GMAC; weights from forecast train",
        kind=Kind.FLOW_GUIDED,
        build=_flow_guided("base"),
    ),
    "flow-rollout-small": Trainable(
        what="the same small network, stride by stride from its own last forecast",
        kind=Kind.FLOW_ROLLOUT,
        build=_flow_guided("small"),
    ),
    "s2s": Trainable(
        what="soft maps to the next soft map, rolled out (Luc et al. 2017)",
        kind=Kind.MAPS,
        build=_s2s(),
    ),
    "s2s-dil": Trainable(
        what="s2s that sees further: dilated convolutions",
        kind=Kind.MAPS,
        build=_s2s(dilation=2),
    ),
    "s2s-adv": Trainable(
        what="s2s, trained against a network that judges it", kind=Kind.MAPS, build=_s2s()
    ),
    "conv-lstm": Trainable(
        what="a recurrent network over the past maps, rolled out",
        kind=Kind.MAPS,
        build=_conv_lstm,
    ),
    "x2x": Trainable(
        what="pictures to the next picture by s2s's network, then segmented",
        kind=Kind.PICTURES,
        build=_s2s(channels=3),
    ),
}
"""Name -> what it is and what builds it."""
