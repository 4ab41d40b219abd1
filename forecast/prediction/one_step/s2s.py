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
from forecast.errors import UsageError
from forecast.labels import CITYSCAPES, LabelSpace
from forecast.prediction.one_step.conv_lstm import ConvLSTMNetwork
from forecast.values import STRIDE_S

PAPER_CHANNELS = 128


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
        narrow, wide = round(PAPER_CHANNELS * width), round(2 * PAPER_CHANNELS * width)
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


def start_as_copy(network: S2SNetwork) -> None:
    """Changes untrained weights so that the forecast is the last map, whatever maps came before.

    From random weights L1 spends its first thousands of steps on learning to copy. Here the first K
    hidden channels of the coarse scale carry the last map to its output, and the first 2K of the
    fine scale the last map and the coarse one, whose difference it adds; inputs of at least 0 pass
    ReLU unchanged. All other hidden channels stay random and weigh nothing in the output at first.
    The architecture stays that of Luc et al. 2017; this start is ours.

    Raises:
        UsageError: The network has fewer than 2K channels in its narrow layers.
    """
    coarse = [one for one in network.coarse if isinstance(one, nn.Conv2d)]
    fine = [one for one in network.fine if isinstance(one, nn.Conv2d)]
    count, past, narrow = coarse[-1].out_channels, coarse[0].in_channels, fine[0].out_channels
    if narrow < 2 * count:
        raise UsageError(
            f"{narrow} channels cannot carry the two maps of {count} classes that a copy needs; "
            f"choose a width of at least {2 * count / PAPER_CHANNELS:.3f}"
        )
    last, both = list(range(past - count, past)), list(range(2 * count))
    same = list(range(count))
    with torch.no_grad():
        _carry(coarse[0], last)
        _carry(fine[0], [*last, *range(past, past + count)])
        for one, kept in ((coarse, same), (fine, both)):
            _carry(one[1], kept)
            _carry(one[2], kept)
            one[3].weight.zero_()
            _carry(one[3], same)
        centre = fine[3].kernel_size[0] // 2
        fine[3].weight[same, [count + one for one in same], centre, centre] = -1


def _carry(layer: nn.Conv2d, inputs: list[int]) -> None:
    """Makes the layer's first outputs equal to those inputs."""
    outputs, centre = list(range(len(inputs))), layer.kernel_size[0] // 2
    layer.weight[outputs] = 0
    layer.weight[outputs, inputs, centre, centre] = 1
    if layer.bias is not None:
        layer.bias[outputs] = 0


class S2S:
    """A trained S2S network as a OneStep: the next soft map of one label space."""

    def __init__(
        self,
        network: S2SNetwork | ConvLSTMNetwork,
        *,
        placement: Placement,
        space: LabelSpace = CITYSCAPES,
        name: str = "s2s",
        step_s: float = STRIDE_S,
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
        self.space = space
        self.name = name
        self.step_s = step_s
        self.num_inputs = num_inputs
        self.grid_hw = grid_hw

    def step(self, window: Float[Tensor, "B T K h w"]) -> Float[Tensor, "B K h w"]:
        """The network's fine output as it is, in float32, where the window was."""
        with running(self._network, self._placement) as network:
            forecast, _ = network(window.to(self._placement.device))
        return forecast.to(window.device, torch.float32)
