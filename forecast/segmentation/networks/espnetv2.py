"""ESPNetv2 for segmentation, at the five sizes whose Cityscapes weights are public.

Mehta, Rastegari, Shapiro and Hajishirzi, "ESPNetv2: A Light-weight, Power Efficient, and General
Purpose Convolutional Neural Network", CVPR 2019. Attribute names are the keys of the public
weights (github.com/sacmehta/EdgeNets at 2b232d3), which load strictly; what the paper leaves open
(dilations by level, where activations fall, how pictures are resampled) was read there.
Axes: B batch, C D channels, K classes, H W picture, h w grid.
"""

from __future__ import annotations

import math

import torch
from jaxtyping import Float
from torch import Tensor, nn
from torch.nn import functional as F

CHANNELS: dict[str, tuple[int, int, int, int]] = {
    "0.5": (16, 32, 64, 128),
    "1.0": (32, 64, 128, 256),
    "1.5": (32, 96, 192, 384),
    "2.0": (32, 128, 256, 512),
}
"""Channels after each halving of the picture, by the paper's scale s."""

NUM_BRANCHES = 4
NUM_OUTPUTS = 20
"""The public weights have Cityscapes' 19 classes and a background after them."""
_LIMITS = {"level2_0": 13, "level3_0": 11, "level3": 9, "level4_0": 9, "level4": 7}
"""Widest receptive field, in pixels of its input, that a unit's branches may have."""
_DECODER_WIDTHS = (64, 48, 32)
_PYRAMID_SCALES = (2.0, 1.5, 1.0, 0.5, 0.1)
_SMALLEST_PYRAMID = 5


class Convolution(nn.Module):
    """A convolution that keeps the size at stride 1, with norm and activation as asked."""

    def __init__(
        self,
        in_channels: int,
        out_channels: int,
        kernel: int,
        *,
        stride: int = 1,
        groups: int = 1,
        dilation: int = 1,
        norm: bool = True,
        activation: bool = True,
    ) -> None:
        super().__init__()
        padding = dilation * (kernel // 2)
        self.conv = nn.Conv2d(
            in_channels, out_channels, kernel, stride, padding, dilation, groups, bias=False
        )
        self.bn = nn.BatchNorm2d(out_channels) if norm else nn.Identity()
        self.act = nn.PReLU(out_channels) if activation else nn.Identity()

    def forward(self, features: Float[Tensor, "B C H W"]) -> Float[Tensor, "B D h w"]:
        """Features convolved, then normalised and activated where asked."""
        return self.act(self.bn(self.conv(features)))


class NormActivation(nn.Module):
    """Batch norm, then PReLU."""

    def __init__(self, channels: int) -> None:
        super().__init__()
        self.bn = nn.BatchNorm2d(channels)
        self.act = nn.PReLU(channels)

    def forward(self, features: Float[Tensor, "B C H W"]) -> Float[Tensor, "B C H W"]:
        """Features normalised and activated."""
        return self.act(self.bn(features))


def dilations(limit: int) -> tuple[int, ...]:
    """The branches' dilations, rising, for the widest receptive field allowed (paper, sec. 3.1).

    Branch i wants dilation i + 1, which sees 3 + 2 i pixels; one that would see more than `limit`
    falls back to 1.
    """
    wanted = range(1, NUM_BRANCHES + 1)
    return tuple(sorted(rate if 2 * rate + 1 <= limit else 1 for rate in wanted))


class PyramidUnit(nn.Module):
    """EESP: reduce, split into dilated depth-wise branches, fuse them rising, merge (fig. 1)."""

    def __init__(self, in_channels: int, out_channels: int, *, limit: int, stride: int = 1) -> None:
        super().__init__()
        width = out_channels // NUM_BRANCHES
        self.is_residual = stride == 1 and in_channels == out_channels
        self.is_activated = stride == 1
        self.proj_1x1 = Convolution(in_channels, width, 1, groups=NUM_BRANCHES)
        self.spp_dw = nn.ModuleList(
            Convolution(
                width, width, 3, stride=stride, groups=width, dilation=rate,
                norm=False, activation=False,
            )
            for rate in dilations(limit)
        )  # fmt: skip
        self.conv_1x1_exp = Convolution(
            out_channels, out_channels, 1, groups=NUM_BRANCHES, activation=False
        )
        self.br_after_cat = NormActivation(out_channels)
        self.module_act = nn.PReLU(out_channels)

    def forward(self, features: Float[Tensor, "B C H W"]) -> Float[Tensor, "B D h w"]:
        """Features at several receptive fields; each branch adds the narrower ones before it."""
        reduced = self.proj_1x1(features)
        branches: list[Tensor] = [self.spp_dw[0](reduced)]
        for branch in self.spp_dw[1:]:
            branches.append(branch(reduced) + branches[-1])
        merged = self.conv_1x1_exp(self.br_after_cat(torch.cat(branches, dim=1)))
        if self.is_residual:
            merged = merged + features
        return self.module_act(merged) if self.is_activated else merged


class Downsampler(nn.Module):
    """Half the size: the input averaged beside a strided unit, plus the picture itself (fig. 2)."""

    def __init__(self, in_channels: int, out_channels: int, *, limit: int) -> None:
        super().__init__()
        self.eesp = PyramidUnit(in_channels, out_channels - in_channels, limit=limit, stride=2)
        self.avg = nn.AvgPool2d(3, stride=2, padding=1)
        self.inp_reinf = nn.Sequential(
            Convolution(3, 3, 3), Convolution(3, out_channels, 1, activation=False)
        )
        self.act = nn.PReLU(out_channels)

    def forward(
        self, features: Float[Tensor, "B C H W"], picture: Float[Tensor, "B 3 h w"]
    ) -> Float[Tensor, "B D H2 W2"]:
        """Features at half their size, reinforced by `picture`, which has that half size."""
        halved = torch.cat([self.avg(features), self.eesp(features)], dim=1)
        return self.act(halved + self.inp_reinf(picture))


class Encoder(nn.Module):
    """Features at 1/2, 1/4, 1/8 and 1/16 of the picture."""

    def __init__(self, channels: tuple[int, int, int, int]) -> None:
        super().__init__()
        first, second, third, fourth = channels
        self.level1 = Convolution(3, first, 3, stride=2)
        self.level2_0 = Downsampler(first, second, limit=_LIMITS["level2_0"])
        self.level3_0 = Downsampler(second, third, limit=_LIMITS["level3_0"])
        self.level3 = nn.ModuleList(
            PyramidUnit(third, third, limit=_LIMITS["level3"]) for _ in range(3)
        )
        self.level4_0 = Downsampler(third, fourth, limit=_LIMITS["level4_0"])
        self.level4 = nn.ModuleList(
            PyramidUnit(fourth, fourth, limit=_LIMITS["level4"]) for _ in range(7)
        )
        self.halve = nn.AvgPool2d(3, stride=2, padding=1)

    def forward(self, picture: Float[Tensor, "B 3 H W"]) -> tuple[Tensor, Tensor, Tensor, Tensor]:
        """Features after each halving, finest first."""
        quarter = self.halve(self.halve(picture))
        eighth = self.halve(quarter)
        half_size = self.level1(picture)
        quarter_size = self.level2_0(half_size, quarter)
        eighth_size = self.level3_0(quarter_size, eighth)
        for unit in self.level3:
            eighth_size = unit(eighth_size)
        coarsest = self.level4_0(eighth_size, self.halve(eighth))
        for unit in self.level4:
            coarsest = unit(coarsest)
        return half_size, quarter_size, eighth_size, coarsest


class _Keyed(nn.Module):
    """A chain of layers under one key of the public weights."""

    def __init__(self, key: str, *layers: nn.Module) -> None:
        super().__init__()
        self._key = key
        self.add_module(key, nn.Sequential(*layers))

    def forward(self, features: Float[Tensor, "B C H W"]) -> Float[Tensor, "B D H W"]:
        return self.get_submodule(self._key)(features)


def _convolution(in_channels: int, out_channels: int, kernel: int, *, groups: int = 1) -> _Keyed:
    conv = nn.Conv2d(
        in_channels, out_channels, kernel, padding=kernel // 2, groups=groups, bias=False
    )
    return _Keyed("cbr", conv, nn.BatchNorm2d(out_channels), nn.PReLU(out_channels))


def _norm_activation(channels: int) -> nn.Sequential:
    return nn.Sequential(nn.BatchNorm2d(channels), nn.PReLU(channels))


class PyramidPool(nn.Module):
    """Efficient pyramid pooling: one depth-wise filter at each of five scales, then merged."""

    def __init__(self, in_channels: int, width: int, out_channels: int, *, last: bool) -> None:
        super().__init__()
        joined = width * len(_PYRAMID_SCALES)
        self.projection_layer = _convolution(in_channels, width, 1)
        self.stages = nn.ModuleList(
            nn.Conv2d(width, width, 3, padding=1, groups=width, bias=False) for _ in _PYRAMID_SCALES
        )
        self.merge_layer = nn.Sequential(
            _Keyed("br", *_norm_activation(joined)),
            nn.ChannelShuffle(len(_PYRAMID_SCALES)),
            _convolution(joined, width, 3, groups=width),
            nn.Conv2d(width, out_channels, 1, bias=last),
        )
        self.br = nn.Identity() if last else _Keyed("br", *_norm_activation(out_channels))

    def forward(self, features: Float[Tensor, "B C H W"]) -> Float[Tensor, "B D H W"]:
        """Features with what surrounds them near and far."""
        reduced = self.projection_layer(features)
        scaled = [
            _at_scale(reduced, stage, scale)
            for stage, scale in zip(self.stages, _PYRAMID_SCALES, strict=True)
        ]
        return self.br(self.merge_layer(torch.cat(scaled, dim=1)))


def _at_scale(
    features: Float[Tensor, "B C H W"], layer: nn.Module, scale: float
) -> Float[Tensor, "B C H W"]:
    """What `layer` makes of the features at another size, brought back to theirs."""
    size = (features.shape[-2], features.shape[-1])
    height, width = (max(_SMALLEST_PYRAMID, math.ceil(length * scale)) for length in size)
    if scale < 1:
        pooled = layer(F.adaptive_avg_pool2d(features, (height, width)))
        return _resized(pooled, size)
    if scale > 1:
        return F.adaptive_avg_pool2d(layer(_resized(features, (height, width))), size)
    return layer(features)


def _resized(features: Float[Tensor, "B C H W"], size: tuple[int, ...]) -> Float[Tensor, "B C h w"]:
    # The public weights were trained with corners aligned.
    return F.interpolate(features, tuple(size), mode="bilinear", align_corners=True)


class WeightedSkip(nn.Module):
    """Encoder features at the decoder's width, each channel weighed by the whole picture."""

    def __init__(self, in_channels: int, out_channels: int) -> None:
        super().__init__()
        self.wt_layer = nn.Sequential(
            nn.AdaptiveAvgPool2d(1),
            nn.Conv2d(in_channels, out_channels, 1, bias=False),
            nn.Sigmoid(),
        )
        self.expansion_layer = _convolution(
            in_channels, out_channels, 3, groups=math.gcd(in_channels, out_channels)
        )

    def forward(self, features: Float[Tensor, "B C H W"]) -> Float[Tensor, "B D H W"]:
        """Features ready to be added to the decoder's."""
        return self.expansion_layer(features) * self.wt_layer(features)


class ESPNetv2(nn.Module):
    """Class scores at the picture's size.

    Args:
        scale: The paper's s, a key of `CHANNELS`.
        num_outputs: Channels of the last layer.
    """

    def __init__(self, scale: str = "2.0", num_outputs: int = NUM_OUTPUTS) -> None:
        super().__init__()
        first, second, third, fourth = CHANNELS[scale]
        coarse, middle, fine = _DECODER_WIDTHS
        width = min(num_outputs // 2, 16)
        self.base_net = Encoder(CHANNELS[scale])
        self.bu_dec_l1 = PyramidPool(fourth, width, coarse, last=False)
        self.bu_dec_l2 = PyramidPool(coarse, width, middle, last=False)
        self.bu_dec_l3 = PyramidPool(middle, width, fine, last=False)
        self.bu_dec_l4 = PyramidPool(fine, width, num_outputs, last=True)
        self.merge_enc_dec_l2 = WeightedSkip(third, coarse)
        self.merge_enc_dec_l3 = WeightedSkip(second, middle)
        self.merge_enc_dec_l4 = WeightedSkip(first, fine)
        self.bu_br_l2 = _norm_activation(coarse)
        self.bu_br_l3 = _norm_activation(middle)
        self.bu_br_l4 = _norm_activation(fine)

    def forward(self, picture: Float[Tensor, "B 3 H W"]) -> Float[Tensor, "B K H W"]:
        """Scores before the softmax; height and width must be multiples of 16."""
        half_size, quarter_size, eighth_size, coarsest = self.base_net(picture)
        decoded = self.bu_dec_l1(coarsest)
        for skip, merge, join, decode in (
            (eighth_size, self.merge_enc_dec_l2, self.bu_br_l2, self.bu_dec_l2),
            (quarter_size, self.merge_enc_dec_l3, self.bu_br_l3, self.bu_dec_l3),
            (half_size, self.merge_enc_dec_l4, self.bu_br_l4, self.bu_dec_l4),
        ):
            decoded = decode(join(merge(skip) + _resized(decoded, skip.shape[-2:])))
        return _resized(decoded, picture.shape[-2:])
