"""A network that learns to tell a segmenter's maps from true ones, and what it is shown.

Luc, Couprie, Chintala and Verbeek, "Semantic Segmentation using Adversarial Networks", 2016,
section 3.2 and its discriminators; layers also after oyam/Semantic-Segmentation-using-Adversarial-
Networks at 0dbded0. Void is zero in what is shown of either side: its shape would give truth away.
Axes: B batch, K classes, C channels, h w grid.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

import torch
from jaxtyping import Bool, Float
from torch import Tensor, nn

POOL = "pool"
_Layer = tuple[int, int] | str
_LARGE: tuple[_Layer, ...] = (
    (96, 3), (128, 3), (128, 3), POOL, (256, 3), (256, 3), POOL, (512, 3), (1, 3)
)  # fmt: skip
_SMALL: tuple[_Layer, ...] = (
    (96, 3), (128, 1), POOL, (256, 3), (256, 1), POOL, (512, 3), (1, 1)
)  # fmt: skip
_LIGHT = {256: 128, 512: 256}


def _light(layers: tuple[_Layer, ...]) -> tuple[_Layer, ...]:
    return tuple(
        one if isinstance(one, str) else (_LIGHT.get(one[0], one[0]), one[1]) for one in layers
    )


LAYERS: Mapping[str, tuple[_Layer, ...]] = {
    "large": _LARGE,
    "small": _SMALL,
    "large-light": _light(_LARGE),
    "small-light": _light(_SMALL),
}
"""LargeFOV sees 34 cells each way, SmallFOV 18; name -> channels and side of each filter."""
SOFTENED = 0.9
"""Least belief in the true class that a softened map keeps."""


class MapJudge(nn.Module):
    """Whether the maps of a picture are true.

    Args:
        num_channels: C, of what it is shown.
        layers: A value of `LAYERS`.
    """

    def __init__(self, num_channels: int, layers: tuple[_Layer, ...]) -> None:
        super().__init__()
        parts: list[nn.Module] = []
        before = num_channels
        for one in layers:
            if isinstance(one, str):
                parts.append(nn.MaxPool2d(2))
                continue
            after, kernel = one
            parts += [nn.Conv2d(before, after, kernel, padding=kernel // 2), nn.ReLU()]
            before = after
        self.layers = nn.Sequential(*parts[:-1])

    def forward(self, shown: Float[Tensor, "B C h w"]) -> Float[Tensor, " B"]:
        """Log-odds that they are true, the mean over the picture; sides of at least 4."""
        return self.layers(shown).mean(dim=(1, 2, 3))


@dataclass(frozen=True, slots=True, kw_only=True)
class Shown:
    """What the judge is shown of both sides."""

    answer: Float[Tensor, "B C h w"]
    """Carries the segmenter's gradient."""
    truth: Float[Tensor, "B C h w"]


def num_shown(sight: str, num_classes: int) -> int:
    """C: channels of what a judge is shown."""
    return 3 * num_classes if sight == "product" else num_classes


def shown(
    answer: Float[Tensor, "B K h w"],
    truth: Float[Tensor, "B K h w"],
    colours: Float[Tensor, "B 3 h w"],
    *,
    sight: str,
) -> Shown:
    """Both sides as the judge is shown them.

    Args:
        answer: Probabilities.
        truth: Probabilities; all zero where void.
        colours: The picture at the maps' size, in 0 to 1.
        sight: product, each class's share of the picture's colours; basic, the maps alone; or
            scaling, the maps, the true ones softened to be little more certain than the answer.
    """
    known = truth.sum(dim=1, keepdim=True) > 0
    if sight == "scaling":
        truth = _softened(truth, answer.detach())
    told, true = (torch.where(known, one, 0) for one in (answer, truth))
    if sight != "product":
        return Shown(answer=told, truth=true)
    return Shown(answer=_coloured(told, colours), truth=_coloured(true, colours))


def _softened(
    truth: Float[Tensor, "B K h w"], answer: Float[Tensor, "B K h w"]
) -> Float[Tensor, "B K h w"]:
    """The true class at no less than `SOFTENED`, the others in the answer's proportions."""
    mine: Bool[Tensor, "B K h w"] = torch.zeros_like(truth, dtype=torch.bool).scatter_(
        1, truth.argmax(dim=1, keepdim=True), value=True
    )
    belief = torch.where(mine, answer, 0).sum(dim=1, keepdim=True)
    kept = belief.clamp_min(SOFTENED)
    others = (1 - kept) / (1 - belief).clamp_min(1e-6)
    return torch.where(mine, kept, answer * others)


def _coloured(
    maps: Float[Tensor, "B K h w"], colours: Float[Tensor, "B 3 h w"]
) -> Float[Tensor, "B _ h w"]:
    return (maps[:, :, None] * colours[:, None]).flatten(1, 2)  # B 3K h w
