"""FDDWNet: factorised, dilated depth-wise convolutions with a short decoder.

Liu, Zhou, Ding, Fan, Lai and Huang, "FDDWNet: A Lightweight Convolutional Neural Network for
Real-time Semantic Segmentation", ICASSP 2020 (arXiv 1911.00632). Attribute names are the keys of
the public weights (github.com/zh320/realtime-semantic-segmentation-pytorch at c77b1b6), which load
strictly; what the paper leaves open (where activations fall, the decoder) follows that code.
Axes: B batch, C D channels, K classes, H W picture, h w grid.
"""

from __future__ import annotations

from collections.abc import Sequence

import torch
from jaxtyping import Float
from torch import Tensor, nn
from torch.nn import functional as F

_NARROW_DILATIONS = (1, 2, 5, 9) * 2
_WIDE_DILATIONS = (2, 5, 9, 17) * 2


def _convolution(
    channels: int, kernel: tuple[int, int], *, dilation: int = 1, groups: int = 1
) -> nn.Sequential:
    padding = (dilation * (kernel[0] // 2), dilation * (kernel[1] // 2))
    conv = nn.Conv2d(
        channels, channels, kernel, padding=padding, dilation=dilation, groups=groups, bias=False
    )
    return nn.Sequential(conv, nn.BatchNorm2d(channels))


class FactorisedUnit(nn.Module):
    """EERM: two depth-wise separable convolutions, each 3x3 split in two, the second dilated.

    Args:
        channels: C.
        dilation: Of the second pair.
    """

    def __init__(self, channels: int, dilation: int = 1) -> None:
        super().__init__()
        point = _convolution(channels, (1, 1))
        point.append(nn.ReLU())
        self.conv = nn.Sequential(
            _convolution(channels, (3, 1), groups=channels),
            _convolution(channels, (1, 3), groups=channels),
            point,
            _convolution(channels, (3, 1), dilation=dilation, groups=channels),
            _convolution(channels, (1, 3), dilation=dilation, groups=channels),
            _convolution(channels, (1, 1)),
        )

    def forward(self, features: Float[Tensor, "B C H W"]) -> Float[Tensor, "B C H W"]:
        """Features with what the unit found added to them."""
        return F.relu(features + self.conv(features))


class Downsampler(nn.Module):
    """Half the size: a strided convolution beside a pooling that keeps what is there."""

    def __init__(self, in_channels: int, out_channels: int) -> None:
        super().__init__()
        added = out_channels - in_channels
        self.conv = nn.Sequential(
            nn.Conv2d(in_channels, added, 3, 2, 1, bias=False), nn.BatchNorm2d(added), nn.ReLU()
        )
        self.pool = nn.MaxPool2d(3, 2, 1)

    def forward(self, features: Float[Tensor, "B C H W"]) -> Float[Tensor, "B D h w"]:
        """The convolution's features, then the input's."""
        return torch.cat([self.conv(features), self.pool(features)], dim=1)


class Upsampler(nn.Module):
    """Twice the size, by a transposed convolution."""

    def __init__(self, in_channels: int, out_channels: int) -> None:
        super().__init__()
        self.up_conv = nn.Sequential(
            nn.ConvTranspose2d(in_channels, out_channels, 3, 2, 1, output_padding=1),
            nn.BatchNorm2d(out_channels),
            nn.ReLU(),
        )

    def forward(self, features: Float[Tensor, "B C h w"]) -> Float[Tensor, "B D H W"]:
        """Features at the finer size."""
        return self.up_conv(features)


def _units(channels: int, dilations: Sequence[int]) -> nn.Sequential:
    return nn.Sequential(*(FactorisedUnit(channels, rate) for rate in dilations))


class FDDWNet(nn.Module):
    """Class scores at the picture's size, none below 0: the public network ends in a ReLU.

    Args:
        num_classes: K.
    """

    def __init__(self, num_classes: int = 19) -> None:
        super().__init__()
        self.layer1 = Downsampler(3, 16)
        self.layer2 = Downsampler(16, 64)
        self.layer3_7 = _units(64, (1,) * 5)
        self.layer8 = Downsampler(64, 128)
        self.layer9_16 = _units(128, _NARROW_DILATIONS)
        self.layer17_24 = _units(128, _WIDE_DILATIONS)
        self.layer25 = Upsampler(128, 64)
        self.layer26_27 = _units(64, (1, 1))
        self.layer28 = Upsampler(64, 16)
        self.layer29_30 = _units(16, (1, 1))
        self.layer31 = Upsampler(16, num_classes)

    def forward(self, picture: Float[Tensor, "B 3 H W"]) -> Float[Tensor, "B K H W"]:
        """Scores before the softmax; height and width must be multiples of 8."""
        quarter_size = self.layer3_7(self.layer2(self.layer1(picture)))
        eighth_size = self.layer17_24(self.layer9_16(self.layer8(quarter_size)))
        decoded = self.layer26_27(self.layer25(eighth_size)) + quarter_size
        return self.layer31(self.layer29_30(self.layer28(decoded)))
