"""What a warp misses, learnt: a network that corrects a label map carried along the optical flow.

After "F2MF" (Saric et al., CVPR 2020 and TPAMI 2021) and residual to the warp: the network bends
the trajectories, mixes in older maps that were carried to the same moment, the origin's map carried
by other flows, left where it was and blurred, and adds a little evidence for what no warp can know.
All of its outputs are zero at first, so that an untrained network is the warp itself, and each has
a gradient there. Everything but the bend multiplies the probabilities by a factor, which can be
computed on a coarse grid and applied to a warp of any size.

What it mixes knows no classes, so it holds for maps of any segmenter; evidence of classes, which
learnt the habits of one, is bounded. Axes: B batch, T carried maps (the origin's last), K classes,
C channels, H W grid, h w another.
"""

from __future__ import annotations

from dataclasses import dataclass

import torch
from jaxtyping import Float
from torch import Tensor, nn
from torch.nn import functional as F

from forecast.geometry.resize import resize_maps

FLOOR = 0.004
"""Added to probabilities before their logarithm: the step of a map kept as uint8."""
PIXELS_PER_UNIT = 8.0
"""Displacements are divided by this before the network sees them."""
NUM_OPTIONS = 2
"""Displacements that the network may choose beside the trajectory's."""
BEND_PX = 2.0
"""Grid pixels that one unit of the bend's output means."""
EVIDENCE_LIMIT = 1.0
"""Evidence changes no log-probability by more than this."""
RAMP_S = 0.55
"""Mixing and evidence gain their full strength over this horizon: what is near in time the warp
knows best, and a network that learnt from a few drives is least to be trusted there."""
_SPREAD_PX = 5
"""Side of the square that the blurred map is a mean over."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Scene:
    """What the network is shown for one horizon."""

    carried: Float[Tensor, "B T K H W"]
    """Past maps, each carried to the horizon by its own flow."""
    still: Float[Tensor, "B K H W"]
    """The origin's map where it was."""
    displacement: Float[Tensor, "B 2 H W"]
    """Where each pixel of the future lies in the origin, minus where it is."""
    options: Float[Tensor, "B O 2 H W"]
    """Other displacements that may be true, minus that one; O = `NUM_OPTIONS`."""
    otherwise: Float[Tensor, "B O K H W"]
    """The origin's map carried by each of them instead."""
    doubt: Float[Tensor, "B 1 H W"]
    """How badly the first option agrees with itself, from 0."""
    velocities: Float[Tensor, "B M H W"]
    """Flows measured between past frames, in pixels a second, of what comes to lie here; newest
    first, M = 2 T - 2."""
    inside: Float[Tensor, "B T H W"]
    """1 where a carried map was sampled inside its picture, 0 all over where there was no map."""
    horizon_s: Float[Tensor, " B"]
    """From the origin."""
    elapsed_s: Float[Tensor, " B"]
    """How much of that was corrected before: 0 for a direct forecast and for a first step."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Correction:
    """What the network says."""

    slack: Float[Tensor, "B 1 H W"]
    """Share of the displacement to take back; 1 makes a copy."""
    bend: Float[Tensor, "B 2 H W"]
    """Added to the displacement, in grid pixels."""
    weights: Float[Tensor, "B M H W"]
    """Shares of each older map, of the origin's carried otherwise, still, blurred (M = T + O + 1).
    The rest is the warp's, and a share below 0 sharpens."""
    evidence: Float[Tensor, "B K H W"]
    """Added to the log-probabilities, within `EVIDENCE_LIMIT`."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Width:
    """How wide the network is."""

    embedding: int
    """Channels that each map's classes are mixed into."""
    levels: tuple[int, int, int]
    """Channels on the grid, at half and at a quarter of it."""
    depth: int
    """Residual blocks a level."""


SMALL = Width(embedding=8, levels=(16, 32, 48), depth=1)
BASE = Width(embedding=19, levels=(80, 176, 256), depth=3)
WIDTHS = {"small": SMALL, "base": BASE}


class _Block(nn.Module):
    """Two convolutions around a sum."""

    def __init__(self, channels: int) -> None:
        super().__init__()
        self.first = nn.Conv2d(channels, channels, 3, padding=1)
        self.second = nn.Conv2d(channels, channels, 3, padding=1)

    def forward(self, features: Float[Tensor, "B C H W"]) -> Float[Tensor, "B C H W"]:
        return features + self.second(F.relu(self.first(F.relu(features))))


def _blocks(channels: int, depth: int) -> nn.Sequential:
    return nn.Sequential(*(_Block(channels) for _ in range(depth)))


class FlowGuidedNetwork(nn.Module):
    """Corrections to a warp, conditioned on the horizon.

    Args:
        num_classes: K.
        num_maps: T: one of each observation, and the one before the origin; at least 2.
        width: Channels and depth.
    """

    def __init__(self, *, num_classes: int, num_maps: int, width: Width) -> None:
        super().__init__()
        whole, half, quarter = width.levels
        self.num_classes = num_classes
        self.num_maps = num_maps
        self.embed = nn.Conv2d(num_classes, width.embedding, 1)
        num_velocities = 2 * (num_maps - 1)
        moves = 2 + 2 * NUM_OPTIONS + 1 + num_velocities
        channels = (num_maps + 1) * width.embedding + moves + num_maps + 3
        self.enter = nn.Conv2d(channels, whole, 1)
        self.down = nn.ModuleList(
            (
                nn.Conv2d(whole, half, 3, stride=2, padding=1),
                nn.Conv2d(half, quarter, 3, stride=2, padding=1),
            )
        )
        self.encode = _blocks(half, width.depth)
        self.middle = _blocks(quarter, width.depth + 1)
        self.context = nn.Linear(quarter, quarter)
        self.up = nn.ModuleList((nn.Conv2d(quarter, half, 1), nn.Conv2d(half, whole, 1)))
        self.decode = _blocks(half, width.depth)
        self.sharpen = nn.Conv2d(whole, whole, 3, padding=1)
        self.parts = (1, 2, NUM_OPTIONS, num_maps + NUM_OPTIONS + 1, num_classes)
        self.leave = nn.Conv2d(whole, sum(self.parts), 1)
        nn.init.zeros_(self.leave.weight)
        nn.init.zeros_(self.leave.bias)  # pyright: ignore[reportArgumentType]

    def forward(self, scene: Scene) -> Correction:
        """What to change about the warp."""
        fine = self.enter(self._joined(scene))
        middle = self.encode(self.down[0](F.relu(fine)))
        coarse = self.middle(self.down[1](F.relu(middle)))
        coarse = coarse + self.context(coarse.mean(dim=(-2, -1)))[:, :, None, None]
        middle = self.decode(middle + _grown(self.up[0](coarse), middle))
        fine = self.sharpen(F.relu(fine + _grown(self.up[1](middle), fine)))
        found = self.leave(F.relu(fine))
        slack, bend, chosen, weights, evidence = found.split(self.parts, dim=1)
        bend = bend * BEND_PX + (chosen[:, :, None] * scene.options).sum(dim=1)
        strength = strength_at(scene.horizon_s)
        evidence = EVIDENCE_LIMIT * torch.tanh(evidence / EVIDENCE_LIMIT)
        return Correction(
            slack=slack, bend=bend, weights=strength * weights, evidence=strength * evidence
        )

    def _joined(self, scene: Scene) -> Float[Tensor, "B C H W"]:
        maps = torch.cat([scene.carried, scene.still[:, None]], dim=1)
        height, width = maps.shape[-2:]
        embedded = self.embed(maps.flatten(0, 1))  # [B (T+1)] C H W
        embedded = embedded.reshape(len(maps), -1, height, width)  # B [(T+1) C] H W
        ahead_s = scene.horizon_s
        times = torch.stack([ahead_s, torch.log1p(ahead_s), scene.elapsed_s], dim=1)
        return torch.cat(
            [
                embedded,
                scene.displacement.clamp(-128, 128) / PIXELS_PER_UNIT,
                scene.options.flatten(1, 2).clamp(-64, 64) / PIXELS_PER_UNIT,
                scene.doubt.clamp(0, 4),
                scene.velocities.clamp(-512, 512) / (4 * PIXELS_PER_UNIT),
                scene.inside,
                times[:, :, None, None].expand(-1, -1, height, width),
            ],
            dim=1,
        )


def strength_at(horizon_s: Float[Tensor, " B"]) -> Float[Tensor, "B 1 1 1"]:
    """How much of what is mixed in and added counts at a horizon."""
    return (horizon_s / RAMP_S).clamp(max=1)[:, None, None, None]


def applied(
    bent: Float[Tensor, "B K H W"], factor: Float[Tensor, "B K H W"]
) -> Float[Tensor, "B K H W"]:
    """Probabilities after each was multiplied by its factor; `bent` itself where that is 1.

    `FLOOR` is added, the sum multiplied, and `FLOOR` subtracted, so that zeros can rise too: what
    the warp holds impossible may still come true.
    """
    raised = (bent + FLOOR).mul_(factor).sub_(FLOOR).clamp_min_(0)
    return raised.div_(raised.sum(dim=1, keepdim=True).clamp_min_(1e-6))


def bent_displacement(
    displacement: Float[Tensor, "B 2 h w"], correction: Correction
) -> Float[Tensor, "B 2 h w"]:
    """The trajectories as corrected, on a grid of any size."""
    height, width = displacement.shape[-2:]
    scale = displacement.new_tensor(
        [width / correction.bend.shape[-1], height / correction.bend.shape[-2]]
    )
    bend = resize_maps(correction.bend, (height, width)) * scale[:, None, None]
    return displacement * (1 - resize_maps(correction.slack, (height, width))) + bend


def factor_of(scene: Scene, correction: Correction) -> Float[Tensor, "B K H W"]:
    """What the probabilities are multiplied by, on the scene's grid; 1 where nothing is corrected.

    A mixture of maps can make nothing likely that none of them holds possible.
    """
    newest = scene.carried[:, -1]
    blurred = F.avg_pool2d(newest, _SPREAD_PX, 1, _SPREAD_PX // 2, count_include_pad=False)
    others = [
        *scene.carried[:, :-1].unbind(dim=1),
        *scene.otherwise.unbind(dim=1),
        scene.still,
        blurred,
    ]
    mixed = newest
    for share, other in zip(correction.weights.unbind(dim=1), others, strict=True):
        mixed = torch.addcmul(mixed, share[:, None], other - newest)
    return (mixed.clamp_min(0) + FLOOR) / (newest + FLOOR) * correction.evidence.exp()


def _resized(maps: Float[Tensor, "B C H W"], size_hw: tuple[int, int]) -> Tensor:
    return F.interpolate(maps, size_hw, mode="bilinear", align_corners=False)


def _grown(
    features: Float[Tensor, "B C H W"], like: Float[Tensor, "B C h w"]
) -> Float[Tensor, "B C h w"]:
    return _resized(features, (like.shape[-2], like.shape[-1]))
