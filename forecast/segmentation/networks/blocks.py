"""What the published networks are made of: convolutions, residual blocks, mirrored borders.

Axes: B batch, C D channels, H W picture, h w result.
"""

from __future__ import annotations

import torch
from jaxtyping import Float, Int64
from torch import Tensor, nn
from torch.nn import functional as F


def scaled(channels: int, width: float) -> int:
    """Channels of a network `width` times as wide as published; at least 1."""
    return max(1, round(channels * width))


def convolution(
    in_channels: int,
    out_channels: int,
    kernel: int,
    *,
    stride: int = 1,
    dilation: int = 1,
    padding: int | None = None,
    norm: bool = True,
    bias: bool | None = None,
    activation: bool = True,
) -> nn.Sequential:
    """A convolution, its batch norm and its ReLU, in that order.

    Args:
        in_channels: C.
        out_channels: D.
        kernel: Side of the filter.
        stride: Pixels between two results.
        dilation: Pixels between two taps.
        padding: Zeros on each side; None keeps the size at stride 1.
        norm: Whether there is a batch norm.
        bias: Whether the convolution has one; None gives it one where there is no norm.
        activation: Whether there is a ReLU.
    """
    around = dilation * (kernel // 2) if padding is None else padding
    has_bias = not norm if bias is None else bias
    layers: list[nn.Module] = [
        nn.Conv2d(
            in_channels, out_channels, kernel, stride, around, dilation=dilation, bias=has_bias
        )
    ]
    if norm:
        layers.append(nn.BatchNorm2d(out_channels))
    if activation:
        layers.append(nn.ReLU())
    return nn.Sequential(*layers)


class Bottleneck(nn.Module):
    """A residual block of ResNet-50 and deeper (He et al. 2016), its filter dilated.

    Args:
        in_channels: C.
        inner: Channels of the 3x3 filter.
        out_channels: D.
        stride: Of the block.
        dilation: Of the 3x3 filter.
        projects: Whether the input is brought to the result's channels by a convolution.
        stride_on_3x3: Where the stride is: torchvision's ResNets have it on the 3x3 filter, the
            published ones on the first 1x1.
    """

    def __init__(
        self,
        in_channels: int,
        inner: int,
        out_channels: int,
        *,
        stride: int = 1,
        dilation: int = 1,
        projects: bool,
        stride_on_3x3: bool = False,
    ) -> None:
        super().__init__()
        first, second = (1, stride) if stride_on_3x3 else (stride, 1)
        self.reduce = convolution(in_channels, inner, 1, stride=first)
        self.middle = convolution(inner, inner, 3, stride=second, dilation=dilation)
        self.increase = convolution(inner, out_channels, 1, activation=False)
        self.shortcut = (
            convolution(in_channels, out_channels, 1, stride=stride, activation=False)
            if projects
            else nn.Identity()
        )

    def forward(self, features: Float[Tensor, "B C H W"]) -> Float[Tensor, "B D h w"]:
        """The input, corrected."""
        change = self.increase(self.middle(self.reduce(features)))
        return F.relu(self.shortcut(features) + change)


def stage(
    in_channels: int,
    inner: int,
    out_channels: int,
    *,
    num_blocks: int,
    stride: int = 1,
    dilation: int = 1,
    projects: bool = True,
    stride_on_3x3: bool = False,
) -> nn.Sequential:
    """Blocks of one size, of which the first alone strides and, unless told not to, projects."""
    blocks = [
        Bottleneck(
            out_channels if index else in_channels,
            inner,
            out_channels,
            stride=1 if index else stride,
            dilation=dilation,
            projects=projects and not index,
            stride_on_3x3=stride_on_3x3,
        )
        for index in range(num_blocks)
    ]
    return nn.Sequential(*blocks)


def mirrored(
    picture: Float[Tensor, "B C H W"], *, top: int, bottom: int, left: int, right: int
) -> Float[Tensor, "B C h w"]:
    """The picture with a mirrored margin, its outermost pixels not repeated.

    As OpenCV's BORDER_REFLECT_101; torch's own refuses a margin as wide as the picture.
    """
    rows = _reflected(picture.shape[-2], top, bottom, picture.device)
    columns = _reflected(picture.shape[-1], left, right, picture.device)
    return picture.index_select(-2, rows).index_select(-1, columns)


def _reflected(length: int, before: int, after: int, device: torch.device) -> Int64[Tensor, " n"]:
    period = max(2 * (length - 1), 1)
    place = torch.arange(-before, length + after, device=device).abs() % period
    return torch.minimum(place, period - place)


def up_to(length: int, multiple: int) -> int:
    """The smallest multiple that is not below the length."""
    return -(-length // multiple) * multiple


def resized(features: Float[Tensor, "B C H W"], like: Tensor) -> Float[Tensor, "B C h w"]:
    """Features at the height and width of others: bilinear, by the half-pixel convention."""
    return F.interpolate(features, like.shape[-2:], mode="bilinear", align_corners=False)
