"""ICNet: a deep network on a small picture, corrected by shallow ones on larger pictures.

Zhao et al., "ICNet for Real-Time Semantic Segmentation on High-Resolution Images", ECCV 2018;
layers after hszhao/ICNet at dd2bf78, whose released network is PSPNet50 at half width, run once on
the picture at half size and continued at a quarter. There sides are 32k + 1 and resizing aligns
the corners' centres; here sides are 32k and resizing aligns the corners, as everywhere else.
Axes: B batch, C D E channels, K classes, H W picture, h w grid.
"""

from __future__ import annotations

import math

from jaxtyping import Float
from torch import Tensor, nn
from torch.nn import functional as F

from forecast.segmentation.networks.blocks import convolution, resized, scaled, stage

OUTPUT_STRIDE = 4
LAST_LAYER = "classifier.weight"
"""The key whose first axis is the number of classes."""
MULTIPLE = 32
HEAD_WEIGHTS = (1.0, 0.4, 0.16)
"""What the answer and the guidance at 1/8 and 1/16 count in the loss."""
_POOLS = (1, 2, 3, 6)


class PyramidPooling(nn.Module):
    """Each cell and the means of its surroundings at four sizes, summed."""

    def forward(self, features: Float[Tensor, "B C h w"]) -> Float[Tensor, "B C h w"]:
        """Features that know their surroundings."""
        total = features
        for cells in _POOLS:
            total = total + resized(F.adaptive_avg_pool2d(features, cells), features)
        return total


class CascadeFusion(nn.Module):
    """Coarse features enlarged onto finer ones (the paper's figure 3)."""

    def __init__(self, coarse_channels: int, fine_channels: int, out_channels: int) -> None:
        super().__init__()
        self.coarse = convolution(coarse_channels, out_channels, 3, dilation=2, activation=False)
        self.fine = convolution(fine_channels, out_channels, 1, activation=False)

    def forward(
        self, coarse: Float[Tensor, "B C h w"], fine: Float[Tensor, "B D h w"]
    ) -> Float[Tensor, "B E h w"]:
        """The sum of both, of one size."""
        return F.relu(self.coarse(coarse) + self.fine(fine))


class ICNet(nn.Module):
    """Class scores at a quarter of the size.

    Args:
        num_classes: K.
        width: Channels as a share of the released network's; 2 is PSPNet50's own.
        guided: Whether it has the two heads that guide its training.
    """

    def __init__(self, num_classes: int = 19, *, width: float = 1.0, guided: bool = True) -> None:
        super().__init__()
        narrow, stem, fused = (scaled(one, width) for one in (32, 64, 128))
        first, second, third, fourth = (scaled(one, width) for one in (128, 256, 512, 1024))
        inner = [scaled(one, width) for one in (32, 64, 128, 256)]
        self.stem = nn.Sequential(
            convolution(3, narrow, 3, stride=2),
            convolution(narrow, narrow, 3),
            convolution(narrow, stem, 3),
            nn.MaxPool2d(3, stride=2, padding=1),
        )
        self.to_sixteenth = nn.Sequential(
            stage(stem, inner[0], first, num_blocks=3),
            stage(first, inner[1], second, num_blocks=1, stride=2),
        )
        self.deep = nn.Sequential(
            _rest_of_stage(inner[1], second, num_blocks=3),
            stage(second, inner[2], third, num_blocks=6, dilation=2),
            stage(third, inner[3], fourth, num_blocks=3, dilation=4),
            PyramidPooling(),
            convolution(fourth, second, 1),
        )
        self.detail = nn.Sequential(
            convolution(3, narrow, 3, stride=2),
            convolution(narrow, narrow, 3, stride=2),
            convolution(narrow, stem, 3, stride=2),
        )
        self.fuse_sixteenth = CascadeFusion(second, second, fused)
        self.fuse_eighth = CascadeFusion(fused, stem, fused)
        self.classifier = nn.Conv2d(fused, num_classes, 1)
        self.guidance = (
            nn.ModuleList([nn.Conv2d(fused, num_classes, 1), nn.Conv2d(second, num_classes, 1)])
            if guided
            else None
        )

    def forward(self, picture: Float[Tensor, "B 3 H W"]) -> Float[Tensor, "B K h w"]:
        """Scores before the softmax, on a cell for each 4 pixels begun."""
        return self._features(picture)[0]

    def every_head(self, picture: Float[Tensor, "B 3 H W"]) -> tuple[Tensor, ...]:
        """The answer, and what guides training at 1/8 and 1/16."""
        assert self.guidance is not None, "this network was made without guidance"
        scores, *hidden = self._features(picture)
        guiding = [head(one) for head, one in zip(self.guidance, hidden, strict=True)]
        return (scores, *guiding)

    def _features(self, picture: Float[Tensor, "B 3 H W"]) -> tuple[Tensor, Tensor, Tensor]:
        """Scores at 1/4, features at 1/8 and 1/16."""
        sixteenth = self.to_sixteenth(self.stem(_halved(picture)))
        coarse = resized(self.deep(_halved(sixteenth)), sixteenth)
        detail = self.detail(picture)
        middle = resized(self.fuse_sixteenth(coarse, sixteenth), detail)
        fine = self.fuse_eighth(middle, detail)
        quarter = [math.ceil(side / OUTPUT_STRIDE) for side in picture.shape[-2:]]
        enlarged = F.interpolate(fine, quarter, mode="bilinear", align_corners=False)
        return self.classifier(enlarged), middle, coarse


def _halved(features: Float[Tensor, "B C H W"]) -> Float[Tensor, "B C h w"]:
    size = [math.ceil(side / 2) for side in features.shape[-2:]]
    return F.interpolate(features, size, mode="bilinear", align_corners=False)


def _rest_of_stage(inner: int, channels: int, *, num_blocks: int) -> nn.Sequential:
    """The blocks of a stage after its first, which stands before the halving."""
    return stage(channels, inner, channels, num_blocks=num_blocks, projects=False)
