"""The recurrent family: a convolutional LSTM that reads the past maps one after the other.

After Shi et al., "Convolutional LSTM Network", NIPS 2015 (eq. 3, without peepholes); as a
forecaster of segmentations compare Nabavi et al., BMVC 2018. It learns what to add to the last map,
so that an untrained one copies. The state is rebuilt from the window at each step, so nothing is
remembered between calls. Axes: B batch, T time, K classes, C channels, h w grid.
"""

from __future__ import annotations

import torch
from jaxtyping import Float
from torch import Tensor, nn
from torch.nn import functional as F


class ConvLSTMCell(nn.Module):
    """One step of the recurrence."""

    def __init__(self, channels: int) -> None:
        super().__init__()
        self.gates = nn.Conv2d(2 * channels, 4 * channels, 3, padding=1)

    def forward(
        self,
        features: Float[Tensor, "B C h w"],
        hidden: Float[Tensor, "B C h w"],
        memory: Float[Tensor, "B C h w"],
    ) -> tuple[Float[Tensor, "B C h w"], Float[Tensor, "B C h w"]]:
        """The next hidden state and memory."""
        gates = self.gates(torch.cat([features, hidden], dim=1))
        enter, forget, leave, fresh = gates.chunk(4, dim=1)
        # A forget gate that starts near 1 lets gradients reach the oldest map.
        kept = memory * (forget + 1).sigmoid()
        memory = kept + enter.sigmoid() * fresh.tanh()
        return leave.sigmoid() * memory.tanh(), memory


class ConvLSTMNetwork(nn.Module):
    """The next soft map, and its half-size version, from a window of past ones.

    0.9 GMAC a step of four 64x128 maps with K = 19 and 24 channels.

    Args:
        num_classes: K.
        channels: Of the recurrent state, which lies on half the grid.
    """

    def __init__(self, *, num_classes: int, channels: int = 24) -> None:
        super().__init__()
        self.channels = channels
        self.enter = nn.Conv2d(num_classes, channels, 5, stride=2, padding=2)
        self.inner = nn.Conv2d(channels, channels, 3, padding=1)
        self.first = ConvLSTMCell(channels)
        self.second = ConvLSTMCell(channels)
        self.leave = nn.Conv2d(2 * channels, 4 * num_classes, 3, padding=1)
        nn.init.zeros_(self.leave.weight)
        nn.init.zeros_(self.leave.bias)  # pyright: ignore[reportArgumentType]

    def forward(
        self, window: Float[Tensor, "B T K h w"]
    ) -> tuple[Float[Tensor, "B K h w"], Float[Tensor, "B K _ _"]]:
        """The forecast, and the same averaged over 2x2; height and width must be even."""
        batch, _, _, height, width = window.shape
        nothing = window.new_zeros(batch, self.channels, height // 2, width // 2)
        low = high = (nothing, nothing)
        for moment in window.unbind(dim=1):
            features = self.inner(F.relu(self.enter(moment)))
            low = self.first(features, *low)
            high = self.second(low[0], *high)
        change = self.leave(torch.cat([low[0], high[0]], dim=1))
        fine = window[:, -1] + F.pixel_shuffle(change, 2)
        return fine, F.avg_pool2d(fine, 2)
