"""U-Net: a ladder down, a ladder up, and every rung joined across.

Ronneberger, Fischer and Brox, "U-Net: Convolutional Networks for Biomedical Image Segmentation",
MICCAI 2015 (figure 1). As published its convolutions see no zeros: the picture is given a mirrored
border and each rung is cropped (`mirrored`). With zeros around each layer it costs less, and has
the same parameters.
Axes: B batch, C D channels, K classes, H W picture, h w grid.
"""

from __future__ import annotations

from collections.abc import Iterator
from itertools import pairwise

import torch
from jaxtyping import Float
from torch import Tensor, nn

from forecast.segmentation.networks.blocks import convolution, mirrored, scaled, up_to

OUTPUT_STRIDE = 1
LAST_LAYER = "classifier.weight"
"""The key whose first axis is the number of classes."""
MULTIPLE = 16
"""What four poolings divide."""
_CHANNELS = (64, 128, 256, 512, 1024)
_MARGIN = 92
"""Pixels that valid convolutions take off each side: 572 become 388."""
_VALID_REST = 4
"""What a side leaves over 16 where every pooling divides: 388 is 24 times 16 and 4."""


class _Pair(nn.Sequential):
    """Two 3x3 convolutions."""

    def __init__(self, in_channels: int, out_channels: int, *, norm: bool, padding: int) -> None:
        super().__init__(
            convolution(in_channels, out_channels, 3, norm=norm, padding=padding),
            convolution(out_channels, out_channels, 3, norm=norm, padding=padding),
        )


class _Rung(nn.Module):
    """One level of the way up: twice the size, half the channels, the way down joined."""

    def __init__(self, deep: int, out_channels: int, *, norm: bool, padding: int) -> None:
        super().__init__()
        self.enlarge = nn.ConvTranspose2d(deep, out_channels, 2, stride=2)
        self.pair = _Pair(2 * out_channels, out_channels, norm=norm, padding=padding)

    def forward(
        self, deep: Float[Tensor, "B C h w"], across: Float[Tensor, "B D H W"]
    ) -> Float[Tensor, "B D _ _"]:
        """Features of this level, from those below and those of the way down."""
        enlarged = self.enlarge(deep)
        rows, columns = ((across.shape[axis] - enlarged.shape[axis]) // 2 for axis in (-2, -1))
        height, width = enlarged.shape[-2:]
        cropped = across[..., rows : rows + height, columns : columns + width]
        return self.pair(torch.cat([cropped, enlarged], dim=1))


class UNet(nn.Module):
    """Class scores at every pixel.

    Args:
        num_classes: K.
        in_channels: Of the picture.
        width: Channels as a share of the paper's 64 to 1024.
        norm: Whether a batch norm follows each 3x3 convolution; the paper has none.
        mirrored: Valid convolutions on a mirrored border, as published, instead of zeros.
    """

    def __init__(
        self,
        num_classes: int = 19,
        *,
        in_channels: int = 3,
        width: float = 1.0,
        norm: bool = True,
        mirrored: bool = False,
    ) -> None:
        super().__init__()
        channels = [scaled(one, width) for one in _CHANNELS]
        self._margin = _MARGIN if mirrored else 0
        self._rest = _VALID_REST if mirrored else 0
        padding = 0 if mirrored else 1
        inputs = [in_channels, *channels[:-1]]
        self.down = nn.ModuleList(
            _Pair(before, after, norm=norm, padding=padding)
            for before, after in zip(inputs, channels, strict=True)
        )
        self.shrink = nn.MaxPool2d(2)
        self.dropout = nn.Dropout(0.5)
        self.up = nn.ModuleList(
            _Rung(deep, out, norm=norm, padding=padding) for deep, out in _rungs(channels)
        )
        self.classifier = nn.Conv2d(channels[0], num_classes, 1)

    def forward(self, picture: Float[Tensor, "B C H W"]) -> Float[Tensor, "B K H W"]:
        """Scores before the softmax; any size, brought to whole cells by a mirrored border."""
        height, width = picture.shape[-2:]
        down, right = (
            up_to(max(side - self._rest, 1), MULTIPLE) + self._rest - side
            for side in (height, width)
        )
        margin = self._margin
        whole = mirrored(
            picture, top=margin, bottom=margin + down, left=margin, right=margin + right
        )
        return self.tile(whole)[..., :height, :width]

    def tile(self, picture: Float[Tensor, "B C H W"]) -> Float[Tensor, "B K h w"]:
        """Scores of what the convolutions reach: with `mirrored`, 388 pixels of a side of 572."""
        across: list[Tensor] = []
        features = picture
        for index, pair in enumerate(self.down):
            features = pair(features if index == 0 else self.shrink(features))
            across.append(features)
        features = self.dropout(across.pop())
        for rung in self.up:
            features = rung(features, across.pop())
        return self.classifier(features)


def _rungs(channels: list[int]) -> Iterator[tuple[int, int]]:
    """Channels before and after each rung, from the bottom up."""
    return pairwise(channels[::-1])
