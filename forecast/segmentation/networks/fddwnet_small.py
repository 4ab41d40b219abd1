"""FDDWNet cut down to run in real time on a CPU.

From FDDWNet (see `fddwnet`) it keeps ten of 21 units and none of its decoder, and says the same in
fewer passes: a 3x1 and a 1x3 convolution with nothing but batch norm between them are one of 3x3,
and batch norm before a point-wise convolution is part of it. So the public weights are a start to
learn from (`start_of`), equal to the unit's own away from the picture's edge.
Axes: B batch, C D channels, K classes, H W picture or features, h w grid.
"""

from __future__ import annotations

import torch
from jaxtyping import Float
from torch import Tensor, nn
from torch.nn import functional as F

from forecast.checkpoints import State, load_into
from forecast.segmentation.networks.blocks import scaled
from forecast.segmentation.networks.fddwnet import Downsampler, FDDWNet

WIDTHS = (16, 64, 128)
"""Channels at half, a quarter and an eighth of the picture's size: FDDWNet's."""
_QUARTER_UNITS = {f"quarter.{index}": f"layer3_7.{index}" for index in range(3)}
_EIGHTH_UNITS = {
    **{f"eighth.{index}": f"layer9_16.{index}" for index in range(4)},
    **{f"eighth.{index + 4}": f"layer17_24.{index}" for index in range(3)},
}
"""Unit here -> unit of FDDWNet; the first of each stage, whose absence costs it most."""
_EIGHTH_DILATIONS = (1, 2, 5, 9, 2, 5, 9)


class Depthwise(nn.Module):
    """A 3x3 filter for each channel, its taps `dilation` cells apart; the size is kept."""

    def __init__(self, channels: int, dilation: int = 1) -> None:
        super().__init__()
        self.dilation = dilation
        self.weight = nn.Parameter(torch.empty(channels, 1, 3, 3))
        nn.init.kaiming_normal_(self.weight)

    def forward(self, features: Float[Tensor, "B C H W"]) -> Float[Tensor, "B C H W"]:
        """Features filtered."""
        rate, channels = self.dilation, len(self.weight)
        if rate == 1:
            return F.conv2d(features, self.weight, padding=1, groups=channels)
        if torch.is_grad_enabled():
            return self._by_phases(features)
        # oneDNN has no fast kernel for so much implicit padding: 12 ms where this takes 0.5.
        return F.conv2d(F.pad(features, (rate,) * 4), self.weight, dilation=rate, groups=channels)

    def _by_phases(self, features: Float[Tensor, "B C H W"]) -> Float[Tensor, "B C H W"]:
        """The same, each of the grids that the taps never leave by itself.

        Its gradient takes 8 to 11 ms on a CPU where that of the dilated convolution takes 30 to 90.
        """
        rate, (count, channels, height, width) = self.dilation, features.shape
        rows, columns = -(-height // rate), -(-width // rate)
        whole = F.pad(features, (0, columns * rate - width, 0, rows * rate - height))
        split = whole.movedim(1, -1).reshape(count, rows, rate, columns, rate, channels)
        grids = split.permute(0, 2, 4, 1, 3, 5).reshape(-1, rows, columns, channels)
        done = F.conv2d(grids.movedim(-1, 1), self.weight, padding=1, groups=channels)
        split = done.movedim(1, -1).reshape(count, rate, rate, rows, columns, channels)
        whole = split.permute(0, 3, 1, 4, 2, 5).reshape(count, rows * rate, -1, channels)
        return whole.movedim(-1, 1)[..., :height, :width]


def _point(in_channels: int, out_channels: int) -> nn.Sequential:
    conv = nn.Conv2d(in_channels, out_channels, 1, bias=False)
    return nn.Sequential(conv, nn.BatchNorm2d(out_channels))


class Unit(nn.Module):
    """Two depth-wise separable convolutions, the second dilated, added to their input."""

    def __init__(self, channels: int, dilation: int = 1) -> None:
        super().__init__()
        self.near = Depthwise(channels)
        self.mix = _point(channels, channels)
        self.far = Depthwise(channels, dilation)
        self.merge = _point(channels, channels)

    def forward(self, features: Float[Tensor, "B C H W"]) -> Float[Tensor, "B C H W"]:
        """Features with what the unit found added to them."""
        mixed = F.relu(self.mix(self.near(features)))
        return F.relu(features + self.merge(self.far(mixed)))


class FDDWNetSmall(nn.Module):
    """Class scores at a quarter of the picture's size.

    Args:
        num_classes: K.
        width: Channels as a share of FDDWNet's.
    """

    def __init__(self, num_classes: int = 19, *, width: float = 1.0) -> None:
        super().__init__()
        half, quarter, eighth = (scaled(one, width) for one in WIDTHS)
        # FDDWNet pools the picture's three colours here, which takes ten times as long as three
        # more filters; PReLU lets them pass below zero.
        self.first = nn.Sequential(
            nn.Conv2d(3, half, 3, 2, 1, bias=False), nn.BatchNorm2d(half), nn.PReLU(half)
        )
        self.second = Downsampler(half, quarter)
        self.quarter = nn.Sequential(*(Unit(quarter) for _ in _QUARTER_UNITS))
        self.third = Downsampler(quarter, eighth)
        self.eighth = nn.Sequential(*(Unit(eighth, rate) for rate in _EIGHTH_DILATIONS))
        self.narrow = _point(eighth, quarter)
        self.refine = Depthwise(quarter)
        self.mix = nn.Sequential(*_point(quarter, quarter), nn.ReLU())
        self.classifier = nn.Conv2d(quarter, num_classes, 1)

    def forward(self, picture: Float[Tensor, "B 3 H W"]) -> Float[Tensor, "B K h w"]:
        """Scores before the softmax; height and width must be multiples of 8."""
        fine = self.quarter(self.second(self.first(picture)))
        coarse = self.narrow(self.eighth(self.third(fine)))
        upsampled = F.interpolate(coarse, fine.shape[-2:], mode="bilinear", align_corners=False)
        return self.classifier(self.mix(self.refine(F.relu(fine + upsampled))))


def start_of(network: FDDWNetSmall, public: State) -> State:
    """The network's weights with all that FDDWNet's public weights know of its layers.

    Args:
        network: Of FDDWNet's width; gives what FDDWNet has no part for, its decoder.
        public: FDDWNet's weights.

    Raises:
        CheckpointError: These are not FDDWNet's weights.
    """
    load_into(FDDWNet(), public, source="what fddwnet-small should start from")
    state = dict(network.state_dict())
    _first_layer(state, public)
    for own, theirs in (("second", "layer2"), ("third", "layer8")):
        _copy(state, f"{own}.conv", public, f"{theirs}.conv", (0, 1))
    for own, theirs in (_QUARTER_UNITS | _EIGHTH_UNITS).items():
        _separable(state, f"{own}.near", f"{own}.mix", public, f"{theirs}.conv", 0)
        _separable(state, f"{own}.far", f"{own}.merge", public, f"{theirs}.conv", 3)
    return state


_NORM = ("weight", "bias", "running_mean", "running_var")


def _copy(
    state: dict[str, Tensor], own: str, public: State, theirs: str, places: tuple[int, int]
) -> None:
    conv, norm = places
    state[f"{own}.0.weight"] = public[f"{theirs}.{conv}.weight"]
    for name in _NORM:
        state[f"{own}.1.{name}"] = public[f"{theirs}.{norm}.{name}"]


def _first_layer(state: dict[str, Tensor], public: State) -> None:
    """FDDWNet's 13 filters, and the mean of each colour where it has the greatest value."""
    means = torch.eye(3)[:, :, None, None].expand(3, 3, 3, 3) / 9
    state["first.0.weight"] = torch.cat([public["layer1.conv.0.weight"], means])
    for name, neutral in zip(_NORM, (1.0, 0.0, 0.0, 1.0), strict=True):
        known = public[f"layer1.conv.1.{name}"]
        state[f"first.1.{name}"] = torch.cat([known, torch.full((3,), neutral)])
    state["first.2.weight"] = torch.cat([torch.zeros(13), torch.ones(3)])


def _separable(
    state: dict[str, Tensor], depth: str, point: str, public: State, theirs: str, first: int
) -> None:
    """One depth-wise and one point-wise convolution for FDDWNet's three at `first`."""
    scales, shifts = zip(*(_affine(public, f"{theirs}.{first + k}.1") for k in (0, 1)), strict=True)
    down, along = (public[f"{theirs}.{first + k}.0.weight"] for k in (0, 1))
    state[f"{depth}.weight"] = (down * along) * (scales[0] * scales[1])[:, None, None, None]
    constant = scales[1] * along.sum(dim=(1, 2, 3)) * shifts[0] + shifts[1]
    _copy(state, point, public, f"{theirs}.{first + 2}", (0, 1))
    mixed = state[f"{point}.0.weight"][:, :, 0, 0] @ constant
    state[f"{point}.1.running_mean"] = state[f"{point}.1.running_mean"] - mixed


def _affine(public: State, norm: str) -> tuple[Float[Tensor, " C"], Float[Tensor, " C"]]:
    """What a batch norm multiplies by, and what it then adds."""
    weight, bias, mean, variance = (public[f"{norm}.{name}"] for name in _NORM)
    scale = weight / torch.sqrt(variance + 1e-5)
    return scale, bias - mean * scale
