"""Fast-SCNN with a detail head: the small network whose weights ship with the library.

Poudel, Liwicki and Cipolla, "Fast-SCNN: Fast Semantic Segmentation Network", BMVC 2019 (table 1).
The paper scores classes at 1/8 of the picture; the detail head here adds scores read from the
first separable layer, at 1/4, so that poles and people keep their outline at small sizes.
Axes: B batch, C D channels, K classes, H W picture, h w grid.
"""

from __future__ import annotations

import torch
from jaxtyping import Float
from torch import Tensor, nn
from torch.nn import functional as F

OUTPUT_STRIDE = 4
"""Pixels of the picture, each way, to one cell of the scores."""
LAST_LAYER = "classifier.3.weight"
"""The key whose first axis is the number of classes."""
WIDTHS = (24, 32, 48, 48, 72, 96)
"""Channels of the bundled network."""
_POOLS = (1, 2, 3, 6)


def _convolution(
    in_channels: int,
    out_channels: int,
    kernel: int = 1,
    *,
    stride: int = 1,
    groups: int = 1,
    activation: bool = True,
) -> nn.Sequential:
    conv = nn.Conv2d(
        in_channels, out_channels, kernel, stride, kernel // 2, groups=groups, bias=False
    )
    norm = nn.BatchNorm2d(out_channels)
    return nn.Sequential(conv, norm, nn.ReLU()) if activation else nn.Sequential(conv, norm)


def _separable(in_channels: int, out_channels: int, *, stride: int = 1) -> nn.Sequential:
    return nn.Sequential(
        _convolution(in_channels, in_channels, 3, stride=stride, groups=in_channels),
        _convolution(in_channels, out_channels),
    )


class InvertedResidual(nn.Module):
    """A depth-wise convolution between a widening and a narrowing one (table 2)."""

    def __init__(self, in_channels: int, out_channels: int, *, stride: int, widen: int) -> None:
        super().__init__()
        wide = in_channels * widen
        self.is_residual = stride == 1 and in_channels == out_channels
        self.layers = nn.Sequential(
            _convolution(in_channels, wide),
            _convolution(wide, wide, 3, stride=stride, groups=wide),
            _convolution(wide, out_channels, activation=False),
        )

    def forward(self, features: Float[Tensor, "B C H W"]) -> Float[Tensor, "B D h w"]:
        """Features transformed; the input added where size and width stay."""
        transformed = self.layers(features)
        return features + transformed if self.is_residual else transformed


class PyramidPooling(nn.Module):
    """Each cell joined with the means of its surroundings at four sizes."""

    def __init__(self, in_channels: int, out_channels: int) -> None:
        super().__init__()
        width = in_channels // len(_POOLS)
        self.reductions = nn.ModuleList(_convolution(in_channels, width) for _ in _POOLS)
        self.merge = _convolution(in_channels + width * len(_POOLS), out_channels)

    def forward(self, features: Float[Tensor, "B C H W"]) -> Float[Tensor, "B D H W"]:
        """Features that know their surroundings."""
        joined = [features]
        for cells, reduction in zip(_POOLS, self.reductions, strict=True):
            pooled = reduction(F.adaptive_avg_pool2d(features, cells))
            joined.append(_resized(pooled, features.shape[-2:]))
        return self.merge(torch.cat(joined, dim=1))


def _resized(features: Float[Tensor, "B C H W"], size: tuple[int, ...]) -> Float[Tensor, "B C h w"]:
    return F.interpolate(features, tuple(size), mode="bilinear", align_corners=False)


class FeatureFusion(nn.Module):
    """Global features upsampled onto detailed ones."""

    def __init__(self, detailed_channels: int, global_channels: int, out_channels: int) -> None:
        super().__init__()
        self.detailed = _convolution(detailed_channels, out_channels, activation=False)
        self.spread = _convolution(global_channels, global_channels, 3, groups=global_channels)
        self.coarse = _convolution(global_channels, out_channels, activation=False)

    def forward(
        self, detailed: Float[Tensor, "B C H W"], coarse: Float[Tensor, "B D h w"]
    ) -> Float[Tensor, "B E H W"]:
        """The sum of both at the finer size."""
        # The 1x1 convolution commutes with bilinear resizing and is 16 times cheaper before it.
        upsampled = _resized(self.coarse(self.spread(coarse)), detailed.shape[-2:])
        return F.relu(self.detailed(detailed) + upsampled)


class FastSCNN(nn.Module):
    """Class scores at a quarter of the picture's size.

    Args:
        num_classes: K.
        widths: Channels at 1/2, 1/4 and 1/8, then of the three stages of inverted residuals; the
            paper's are (32, 48, 64, 64, 96, 128).
        widen: How much wider an inverted residual is inside; the paper's is 6.
    """

    def __init__(
        self,
        num_classes: int = 19,
        widths: tuple[int, int, int, int, int, int] = WIDTHS,
        widen: int = 4,
    ) -> None:
        super().__init__()
        half, quarter, eighth, *deep = widths
        self.first = _convolution(3, half, 3, stride=2)
        self.second = _separable(half, quarter, stride=2)
        self.third = _separable(quarter, eighth, stride=2)
        self.coarse = nn.Sequential(
            *_stage(eighth, deep[0], stride=2, widen=widen),
            *_stage(deep[0], deep[1], stride=2, widen=widen),
            *_stage(deep[1], deep[2], stride=1, widen=widen),
        )
        self.surroundings = PyramidPooling(deep[2], deep[2])
        self.fusion = FeatureFusion(eighth, deep[2], deep[2])
        self.classifier = nn.Sequential(
            _separable(deep[2], deep[2]),
            _separable(deep[2], deep[2]),
            nn.Dropout(0.1),
            nn.Conv2d(deep[2], num_classes, 1),
        )
        self.detail = nn.Sequential(
            _separable(quarter, quarter), nn.Conv2d(quarter, num_classes, 1)
        )

    def forward(self, picture: Float[Tensor, "B 3 H W"]) -> Float[Tensor, "B K h w"]:
        """Scores before the softmax; height and width must be multiples of 32."""
        quarter_size = self.second(self.first(picture))
        eighth_size = self.third(quarter_size)
        coarse = self.surroundings(self.coarse(eighth_size))
        scores = self.classifier(self.fusion(eighth_size, coarse))
        return _resized(scores, quarter_size.shape[-2:]) + self.detail(quarter_size)


def _stage(
    in_channels: int, out_channels: int, *, stride: int, widen: int, num_units: int = 3
) -> list[nn.Module]:
    first = InvertedResidual(in_channels, out_channels, stride=stride, widen=widen)
    rest = [
        InvertedResidual(out_channels, out_channels, stride=1, widen=widen)
        for _ in range(num_units - 1)
    ]
    return [first, *rest]
