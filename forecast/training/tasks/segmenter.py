"""How a small segmenter learns from a large one: its beliefs, kept to what annotation allows.

Hinton, Vinyals and Dean, "Distilling the Knowledge in a Neural Network", 2015. A picture is seen
anew at each draw: through a window, mirrored, relit, blurred. Knows no network and no file.
Axes: B batch, K classes, H W picture, h w grid.
"""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Protocol, runtime_checkable

import torch
from jaxtyping import Float, Int64, UInt8
from kornia.geometry.transform import hflip
from torch import Generator, Tensor, nn
from torch.nn import functional as F

from forecast.confusion import mean_iou
from forecast.training.data.elastic import bent
from forecast.training.data.relighting import relit
from forecast.training.data.taught_pictures import PictureGroup, TaughtPicture

_COMMON = 0.02
"""Share of pixels at which a class weighs 1."""


@dataclass(frozen=True, slots=True, kw_only=True)
class SegmenterSettings:
    """How pictures are seen."""

    batch: int = 8
    window_hw: tuple[int, int] = (192, 320)
    cell_px: int = 4
    """Pixels to a cell of what is taught; the network's scores are brought to that grid."""
    smallest: float = 0.42
    """A picture is shrunk to no less than this share of the size the teacher saw..."""
    largest: float = 1.4
    """...and enlarged to no more."""
    multiple: int = 32
    """The network's pictures have sides that this divides."""
    elastic: bool = False
    """Whether pictures are bent (`forecast.training.data.elastic`)."""


@dataclass(frozen=True, slots=True, kw_only=True)
class SegmenterBatch:
    """What the network sees, and what it should say."""

    pictures: Float[Tensor, "B 3 H W"]
    belief: Float[Tensor, "B K h w"]


def through_window(
    picture: TaughtPicture, settings: SegmenterSettings, generator: Generator
) -> tuple[Float[Tensor, "3 H W"], Float[Tensor, "K h w"]]:
    """Part of a picture at another scale, in 0 to 1, with the teacher's belief about that part."""
    box = _box(picture, settings, generator)
    height, width = picture.rgb.shape[-2:]
    top, bottom = round(box[0] * height), max(round(box[1] * height), round(box[0] * height) + 1)
    left, right = round(box[2] * width), max(round(box[3] * width), round(box[2] * width) + 1)
    part = picture.rgb[None, :, top:bottom, left:right].contiguous()
    seen = F.interpolate(part, settings.window_hw, mode="bilinear", antialias=True)[0].float() / 255
    belief = _within(
        picture.belief,
        (top / height, bottom / height, left / width, right / width),
        tuple(side // settings.cell_px for side in settings.window_hw),
    )
    return seen, belief


def _box(
    picture: TaughtPicture, settings: SegmenterSettings, generator: Generator
) -> tuple[float, float, float, float]:
    """Top, bottom, left and right of a random window, as shares of the picture."""
    sides = [
        window / (cells * settings.cell_px)
        for window, cells in zip(settings.window_hw, picture.belief.shape[-2:], strict=True)
    ]
    scale, stretch, down, along = torch.rand(4, generator=generator).tolist()
    smallest = max(settings.smallest, *sides)
    largest = max(settings.largest, smallest)
    zoom = smallest * (largest / smallest) ** scale
    height = min(1.0, sides[0] / zoom)
    width = min(1.0, sides[1] / zoom * math.exp(0.3 * (stretch - 0.5)))
    top, left = down * (1 - height), along * (1 - width)
    return top, top + height, left, left + width


def _within(
    belief: UInt8[Tensor, "K H W"], box: tuple[float, ...], size_hw: tuple[int, ...]
) -> Float[Tensor, "K h w"]:
    top, bottom, left, right = box
    across = [right - left, 0.0, right + left - 1]
    down = [0.0, bottom - top, bottom + top - 1]
    grid = F.affine_grid(torch.tensor([[across, down]]), [1, 1, *size_hw], align_corners=False)
    maps = F.grid_sample(belief[None].float(), grid, padding_mode="border", align_corners=False)[0]
    return maps / maps.sum(dim=0, keepdim=True).clamp_min(1)


def class_weights(groups: Sequence[PictureGroup]) -> Float[Tensor, " K"]:
    """Rarer classes weigh more, gently: between a half and three."""
    frequency = sum(
        group.share
        * torch.stack([one.belief.float().mean(dim=(1, 2)) for one in group.pictures]).mean(0)
        for group in groups
    )
    assert isinstance(frequency, Tensor)
    frequency = frequency / frequency.sum()
    return ((_COMMON / frequency.clamp_min(1e-5)) ** 0.4).clamp(0.5, 3)


@runtime_checkable
class Headed(Protocol):
    """A network with heads that only training listens to."""

    def every_head(self, picture: Tensor) -> tuple[Tensor, ...]:
        """What each scores, the answer's first."""
        ...


class SegmenterTask:
    """What a small segmenter learns: see `forecast.training.fit.Task`.

    Args:
        network: Pictures normalised by `mean` and `std` to scores on a grid of its own.
        groups: What it learns from.
        develop: What the best checkpoint is chosen by: agreement with the teacher.
        settings: How pictures are seen.
        mean: Subtracted from RGB in 0 to 1.
        std: What the difference is divided by.
        head_weights: What each head of a `Headed` network counts in the loss; of others, 1.
    """

    def __init__(
        self,
        network: nn.Module,
        *,
        groups: Sequence[PictureGroup],
        develop: Sequence[TaughtPicture],
        settings: SegmenterSettings,
        mean: tuple[float, float, float],
        std: tuple[float, float, float],
        head_weights: tuple[float, ...] = (1.0,),
    ) -> None:
        self.network = network
        self.develop = develop
        self._groups, self._settings = groups, settings
        self._shares = torch.tensor([group.share for group in groups])
        self._weights = class_weights(groups)
        self._mean, self._std = torch.tensor([mean, std])[..., None, None]
        self._head_weights = head_weights

    @property
    def cell_px(self) -> int:
        """Pixels to a cell of what is taught."""
        return self._settings.cell_px

    def draw(self, generator: Generator) -> SegmenterBatch:
        """A batch of windows; equal generators give equal batches."""
        seen = [self._draw_one(generator) for _ in range(self._settings.batch)]
        pictures, beliefs = zip(*seen, strict=True)
        normal = (torch.stack(pictures) - self._mean) / self._std
        return SegmenterBatch(
            pictures=normal.contiguous(memory_format=torch.channels_last),
            belief=torch.stack(beliefs),
        )

    def _draw_one(self, generator: Generator) -> tuple[Tensor, Tensor]:
        group = self._groups[int(torch.multinomial(self._shares, 1, generator=generator))]
        index = int(torch.randint(len(group.pictures), (), generator=generator))
        seen, belief = through_window(group.pictures[index], self._settings, generator)
        if torch.rand((), generator=generator) < 0.5:
            seen, belief = hflip(seen), hflip(belief)
        if self._settings.elastic:
            seen, belief = bent(seen, belief, generator)
        return relit(seen, generator), belief

    def losses(self, batch: SegmenterBatch) -> Mapping[str, Tensor]:
        """Cross-entropy with the teacher's belief, weighed by class."""
        return {"total": self.entropy(batch, self.answers(batch))}

    def answers(self, batch: SegmenterBatch) -> Sequence[Float[Tensor, "B K h w"]]:
        """What each head scores, on the grid that is taught."""
        pictures = batch.pictures.to(self._device)
        if isinstance(self.network, Headed):
            heads = self.network.every_head(pictures)
        else:
            heads = (self.network(pictures),)
        grid_hw = batch.belief.shape[-2:]
        return [_on_grid(one.float(), (grid_hw[0], grid_hw[1])) for one in heads]

    def entropy(
        self, batch: SegmenterBatch, answers: Sequence[Float[Tensor, "B K h w"]]
    ) -> Float[Tensor, ""]:
        """The heads' cross-entropies, each by its weight; what is void says nothing."""
        wanted = (batch.belief * self._weights[:, None, None]).to(self._device)
        total = wanted.new_zeros(())
        for weight, scores in zip(self._head_weights, answers, strict=True):
            total = total - weight * (wanted * scores.log_softmax(dim=1)).sum()
        return total / wanted.sum().clamp_min(1e-6)

    def colours(self, batch: SegmenterBatch) -> Float[Tensor, "B 3 H W"]:
        """The pictures in 0 to 1, as they were before the network's levels."""
        return (batch.pictures * self._std + self._mean).to(self._device)

    def scores(self) -> Mapping[str, float]:
        """Mean IoU with what is taught, pooled over `develop`.

        As evaluation counts: a class that only the network names is one that it gets wrong. Cells
        of which nothing is taught (void) do not count.
        """
        num_classes = len(self._weights)
        counts = torch.zeros(num_classes, num_classes, dtype=torch.int64)
        for picture in self.develop:
            pairs = picture.belief.argmax(0) * num_classes + self.said(picture)
            taught = pairs[picture.belief.amax(0) > 0]
            counts += torch.bincount(taught, minlength=counts.numel()).view_as(counts)
        return {"score": mean_iou(counts.numpy())}

    def said(self, picture: TaughtPicture) -> Int64[Tensor, "h w"]:
        """Predicted class ids on the teacher's grid."""
        cells, multiple = picture.belief.shape[-2:], self._settings.multiple
        size = [max(1, side * self.cell_px // multiple) * multiple for side in cells]
        seen = F.interpolate(picture.rgb[None], size, mode="bilinear", antialias=True) / 255
        scores = self.network(((seen - self._mean) / self._std).to(self._device)).float().cpu()
        return _on_grid(scores, (cells[0], cells[1]))[0].argmax(0)

    @property
    def _device(self) -> torch.device:
        return next(self.network.parameters()).device


def _on_grid(
    scores: Float[Tensor, "B K H W"], grid_hw: tuple[int, int]
) -> Float[Tensor, "B K h w"]:
    if tuple(scores.shape[-2:]) == grid_hw:
        return scores
    return F.interpolate(scores, grid_hw, mode="bilinear", align_corners=False)
