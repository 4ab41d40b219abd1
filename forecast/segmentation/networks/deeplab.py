"""DeepLab v1 and v2: dilated trunks, and scores from filters of one size at several spacings.

Chen et al., "Semantic Image Segmentation with Deep Convolutional Nets and Fully Connected CRFs",
ICLR 2015 (LargeFOV); Chen et al., "DeepLab", TPAMI 2018 (ASPP-L and ResNet-101), layers after
kazuto1011/deeplab-pytorch at 4219467. Its v3 is torchvision's. The published networks are
followed by a dense CRF (`--refine dense-crf`), and v2's answer is the maximum over three scales,
which is left to who wants it.
Axes: B batch, C D channels, K classes, H W picture, h w grid.
"""

from __future__ import annotations

import math
from collections.abc import Sequence

from jaxtyping import Float
from torch import Tensor, nn

from forecast.segmentation.networks.blocks import convolution, scaled, stage
from forecast.segmentation.networks.vgg import CHANNELS, VGGSettings, vgg16

OUTPUT_STRIDE = 8
LAST_LAYER, VGG_LAST_LAYER = "pyramid.branches.0.weight", "classifiers.0.weight"
"""The keys whose first axis is the number of classes."""
MULTIPLE = 8
RATES = (6, 12, 18, 24)
"""Dilations of v2's pyramid, in cells."""
LARGE_FOV = (12,)
"""Of v1's one branch."""
_BLOCKS = (3, 4, 23, 3)
_STAGES = (256, 512, 1024, 2048)
_STRIDES, _DILATIONS = (1, 2, 1, 1), (1, 1, 2, 4)
_HIDDEN = 1024
_NOISE = 0.01


class Pyramid(nn.Module):
    """The sum of 3x3 filters at several spacings (the paper's ASPP)."""

    def __init__(self, in_channels: int, num_classes: int, rates: Sequence[int]) -> None:
        super().__init__()
        self.branches = nn.ModuleList(
            nn.Conv2d(in_channels, num_classes, 3, padding=rate, dilation=rate) for rate in rates
        )
        for branch in self.branches:
            assert isinstance(branch, nn.Conv2d)
            assert branch.bias is not None
            nn.init.normal_(branch.weight, 0, _NOISE)
            nn.init.zeros_(branch.bias)

    def forward(self, features: Float[Tensor, "B C h w"]) -> Float[Tensor, "B K h w"]:
        """Scores before the softmax."""
        return _sum([branch(features) for branch in self.branches])


class DeepLab(nn.Module):
    """DeepLab v2 on a ResNet-101: class scores at an eighth of the size.

    Args:
        num_classes: K.
        width: Channels as a share of the paper's.
        stride_on_3x3: As torchvision's ResNets, to start from their weights.
    """

    def __init__(
        self, num_classes: int = 19, *, width: float = 1.0, stride_on_3x3: bool = False
    ) -> None:
        super().__init__()
        stem = scaled(64, width)
        stages: list[nn.Module] = []
        before = stem
        for out, count, stride, dilation in zip(
            _STAGES, _BLOCKS, _STRIDES, _DILATIONS, strict=True
        ):
            after = scaled(out, width)
            stages.append(
                stage(
                    before, scaled(out // 4, width), after, num_blocks=count, stride=stride,
                    dilation=dilation, stride_on_3x3=stride_on_3x3,
                )
            )  # fmt: skip
            before = after
        self.stem = convolution(3, stem, 7, stride=2)
        self.shrink = nn.MaxPool2d(3, stride=2, padding=1, ceil_mode=True)
        self.stages = nn.Sequential(*stages)
        self.pyramid = Pyramid(before, num_classes, RATES)

    def forward(self, picture: Float[Tensor, "B 3 H W"]) -> Float[Tensor, "B K h w"]:
        """Scores before the softmax, on a cell for each 8 pixels begun."""
        # Rounding up, the pooling of an even side sees a cell beyond the picture.
        rows, columns = (math.ceil(side / OUTPUT_STRIDE) for side in picture.shape[-2:])
        scores = self.pyramid(self.stages(self.shrink(self.stem(picture))))
        return scores[..., :rows, :columns]


class DeepLabVGG(nn.Module):
    """DeepLab on VGG16: class scores at an eighth of the size.

    Args:
        num_classes: K.
        width: Channels as a share of the paper's.
        norm: Whether batch norms follow the convolutions; the published network, which starts
            from VGG's weights, has none.
        rates: Dilation of each branch: `LARGE_FOV` is v1, `RATES` v2's ASPP-L.
    """

    def __init__(
        self,
        num_classes: int = 19,
        *,
        width: float = 1.0,
        norm: bool = True,
        rates: Sequence[int] = LARGE_FOV,
    ) -> None:
        super().__init__()
        halve = [nn.MaxPool2d(3, stride=2, padding=1) for _ in range(3)]
        keep = [nn.MaxPool2d(3, stride=1, padding=1) for _ in range(2)]
        self.trunk = vgg16(VGGSettings(pools=(*halve, *keep), width=width, norm=norm))
        inputs, hidden = scaled(CHANNELS[-1], width), scaled(_HIDDEN, width)
        self.branches = nn.ModuleList(
            nn.Sequential(
                *convolution(inputs, hidden, 3, dilation=rate, norm=norm, bias=True),
                nn.Dropout(0.5),
                *convolution(hidden, hidden, 1, norm=norm, bias=True),
                nn.Dropout(0.5),
            )
            for rate in rates
        )
        self.classifiers = nn.ModuleList(nn.Conv2d(hidden, num_classes, 1) for _ in rates)

    def forward(self, picture: Float[Tensor, "B 3 H W"]) -> Float[Tensor, "B K h w"]:
        """Scores before the softmax, on a cell for each 8 pixels begun."""
        features = self.trunk(picture)
        pairs = zip(self.branches, self.classifiers, strict=True)
        return _sum([classifier(branch(features)) for branch, classifier in pairs])


def _sum(parts: Sequence[Tensor]) -> Tensor:
    total = parts[0]
    for part in parts[1:]:
        total = total + part
    return total
