"""VGG16's convolutions, as Dilation and DeepLab v1 rebuilt them.

Simonyan and Zisserman, "Very Deep Convolutional Networks", ICLR 2015, configuration D. The layers
stand where torchvision's `vgg16().features` (with norms, `vgg16_bn`) has them, so that its weights
fit key by key; what a network leaves out is an identity.
"""

from __future__ import annotations

from dataclasses import dataclass

from torch import nn

from forecast.segmentation.networks.blocks import scaled

CHANNELS = (64, 128, 256, 512, 512)
_CONVOLUTIONS = (2, 2, 3, 3, 3)
_DILATIONS = (1, 1, 1, 1, 2)
"""Both networks dilate the last five-by-five level instead of shrinking before it."""


@dataclass(frozen=True, slots=True, kw_only=True)
class VGGSettings:
    """What the two networks do differently."""

    pools: tuple[nn.Module, ...]
    """What follows each of the five levels."""
    width: float = 1.0
    """Channels as a share of VGG's."""
    norm: bool = False
    """Whether a batch norm follows each convolution."""
    padded: bool = True
    """Whether each convolution keeps the size; otherwise it sees no zeros."""


def vgg16(settings: VGGSettings) -> nn.Sequential:
    """The thirteen convolutions of VGG16."""
    layers: list[nn.Module] = []
    before = 3
    levels = zip(CHANNELS, _CONVOLUTIONS, _DILATIONS, settings.pools, strict=True)
    for channels, count, dilation, pool in levels:
        after = scaled(channels, settings.width)
        for _ in range(count):
            padding = dilation if settings.padded else 0
            layers.append(nn.Conv2d(before, after, 3, padding=padding, dilation=dilation))
            if settings.norm:
                layers.append(nn.BatchNorm2d(after))
            layers.append(nn.ReLU(inplace=True))
            before = after
        layers.append(pool)
    return nn.Sequential(*layers)
