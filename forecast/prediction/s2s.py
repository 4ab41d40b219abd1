"""S2S: soft maps of the past to the soft map of the next step, at two scales.

After Luc, Neverova, Couprie, Verbeek, LeCun, "Predicting deeper into the future of semantic
segmentation", ICCV 2017, section 3.2 and the authors' public code: no picture, no normalisation, no
activation on the output. Axes: B batch, T time, K classes, h w grid.
"""

from __future__ import annotations

import torch
import torch.nn.functional as F
from jaxtyping import Float
from torch import Tensor, nn

from forecast.device import Placement, placed, running
from forecast.labels import CITYSCAPES, LabelSpace
from forecast.prediction.conv_lstm import ConvLSTMNetwork


class S2SNetwork(nn.Module):
    """The next soft map at full and at half resolution; 1.65 M weights at K = 19, width 1."""

    def __init__(
        self, *, num_classes: int, num_inputs: int = 4, width: float = 1.0, dilation: int = 1
    ) -> None:
        """Builds untrained layers.

        Args:
            num_classes: K.
            num_inputs: T.
            width: Hidden channels as a share of the paper's 128 and 256.
            dilation: Of the two inner layers at the fine scale; 1 is S2S, 2 is S2S-dil. The
                authors' code pads dilated layers for 2 (facebookresearch/SegmPred at e9b0df0) and
                does not say which layers those are.
        """
        super().__init__()
        narrow, wide = round(128 * width), round(256 * width)
        past = num_inputs * num_classes
        self.coarse = nn.Sequential(
            *_convolution(past, narrow, 3),
            *_convolution(narrow, wide, 3),
            *_convolution(wide, narrow, 3),
            nn.Conv2d(narrow, num_classes, 3, padding=1),
        )
        self.fine = nn.Sequential(
            *_convolution(past + num_classes, narrow, 5),
            *_convolution(narrow, wide, 3, dilation),
            *_convolution(wide, narrow, 3, dilation),
            nn.Conv2d(narrow, num_classes, 5, padding=2),
        )

    def forward(
        self, window: Float[Tensor, "B T K h w"]
    ) -> tuple[Float[Tensor, "B K h w"], Float[Tensor, "B K _ _"]]:
        """The forecast, and the coarse one it refines; height and width must be even."""
        past = window.flatten(1, 2)  # B T*K h w
        coarse = self.coarse(F.avg_pool2d(past, 2))
        upsampled = F.interpolate(coarse, scale_factor=2.0, mode="nearest")
        return upsampled + self.fine(torch.cat([past, upsampled], dim=1)), coarse


def _convolution(inputs: int, outputs: int, size: int, dilation: int = 1) -> list[nn.Module]:
    padding = dilation * (size // 2)
    return [nn.Conv2d(inputs, outputs, size, padding=padding, dilation=dilation), nn.ReLU()]


class S2S:
    """A trained S2S network as a OneStep: the next soft map of one label space."""

    def __init__(
        self,
        network: S2SNetwork | ConvLSTMNetwork,
        *,
        placement: Placement,
        space: LabelSpace = CITYSCAPES,
        name: str = "s2s",
        step_s: float = 3 / 17,
        num_inputs: int = 4,
        grid_hw: tuple[int, int] = (128, 256),
    ) -> None:
        """Puts the network where it will run.

        Args:
            network: Made for this space and number of inputs.
            placement: Where and in what precision it runs.
            space: What its channels mean.
            name: Name in reports.
            step_s: Stride it learnt.
            num_inputs: T.
            grid_hw: Grid it learnt on; both even.
        """
        assert grid_hw[0] % 2 == 0
        assert grid_hw[1] % 2 == 0
        self._network = placed(network, placement)
        self._placement = placement
        self._space = space
        self._name = name
        self._step_s = step_s
        self._num_inputs = num_inputs
        self._grid_hw = grid_hw

    @property
    def name(self) -> str:
        """As given."""
        return self._name

    @property
    def space(self) -> LabelSpace:
        """As given."""
        return self._space

    @property
    def step_s(self) -> float:
        """As given."""
        return self._step_s

    @property
    def num_inputs(self) -> int:
        """As given."""
        return self._num_inputs

    @property
    def grid_hw(self) -> tuple[int, int]:
        """As given."""
        return self._grid_hw

    def step(self, window: Float[Tensor, "B T K h w"]) -> Float[Tensor, "B K h w"]:
        """The network's fine output as it is, in float32, where the window was."""
        with running(self._network, self._placement) as network:
            forecast, _ = network(window.to(self._placement.device))
        return forecast.to(window.device, torch.float32)
