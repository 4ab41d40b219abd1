"""How a small segmenter learns from a large one: its beliefs, kept to what annotation allows.

Hinton, Vinyals and Dean, "Distilling the Knowledge in a Neural Network", 2015. A picture is seen
anew at each draw: through a window, mirrored, relit, blurred. Knows no network and no file.
Axes: B batch, K classes, H W picture, h w grid, N coarse ids.
"""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import overload

import numpy as np
import torch
from jaxtyping import Float, Int64, UInt8
from kornia.geometry.transform import hflip
from numpy.typing import NDArray
from torch import Generator, Tensor, nn
from torch.nn import functional as F

from forecast.labels import LabelSpace, collapse_table, lift_table
from forecast.training.data.clips import Clip
from forecast.training.data.relighting import relit

OTHERWISE = 1e-3
"""What is left of a belief in classes that the annotation rules out."""
REPRESENTED = 0.02
"""Belief in the class that stands for the annotated one, before the teacher is asked."""
_COMMON = 0.02
"""Share of pixels at which a class weighs 1."""


def allowed(
    probs: Float[Tensor, "K h w"],
    ids: UInt8[Tensor, "h w"],
    *,
    coarse: LabelSpace,
    fine: LabelSpace,
) -> Float[Tensor, "K h w"]:
    """The teacher's belief within the classes that the annotation allows; itself where void.

    CamVid's `car` allows car, truck, bus and train, and the teacher says which.
    """
    members = torch.from_numpy(_members(coarse, fine)).to(probs.dtype)
    stands = torch.zeros_like(members)
    lifted = torch.from_numpy(lift_table(coarse, fine).astype(np.int64))
    stands[torch.arange(coarse.num_classes), lifted[: coarse.num_classes]] = REPRESENTED
    chosen = ids.long().clamp_max(coarse.num_classes)
    weight, start = (table[chosen].movedim(-1, 0) for table in (members, stands))  # K h w
    kept = probs * (weight + OTHERWISE) + start
    return kept / kept.sum(dim=0, keepdim=True)


def _members(coarse: LabelSpace, fine: LabelSpace) -> NDArray[np.bool_]:
    """[N + 1, K]: which fine classes each coarse one allows; the last row, void, allows all."""
    entries = collapse_table(fine, coarse)[: fine.num_classes]
    rows = entries[None] == np.arange(coarse.num_classes)[:, None]
    return np.vstack([rows, np.ones(fine.num_classes, bool)])


@dataclass(frozen=True, slots=True, kw_only=True)
class TaughtPicture:
    """A picture and what the teacher believes."""

    rgb: UInt8[Tensor, "3 H W"]
    belief: UInt8[Tensor, "K h w"]
    """Probabilities in 255ths, on a coarser grid of the same aspect."""


class TaughtClips(Sequence[TaughtPicture]):
    """Every picture of some clips, read from disk when it is asked for.

    Args:
        clips: With pictures and soft maps.
    """

    def __init__(self, clips: Sequence[Clip]) -> None:
        self._places = [(clip, index) for clip in clips for index in range(clip.header.num_frames)]

    def __len__(self) -> int:
        return len(self._places)

    @overload
    def __getitem__(self, index: int) -> TaughtPicture: ...

    @overload
    def __getitem__(self, index: slice) -> Sequence[TaughtPicture]: ...

    def __getitem__(self, index: int | slice) -> TaughtPicture | Sequence[TaughtPicture]:
        if isinstance(index, slice):
            return [self[one] for one in range(len(self))[index]]
        clip, place = self._places[index]
        return TaughtPicture(rgb=clip.frame(place).rgb, belief=clip.belief(place))


@dataclass(frozen=True, slots=True, kw_only=True)
class PictureGroup:
    """Pictures of one kind."""

    pictures: Sequence[TaughtPicture]
    share: float
    """How often the kind is drawn, beside the others' shares."""


@dataclass(frozen=True, slots=True, kw_only=True)
class SegmenterSettings:
    """How pictures are seen."""

    batch: int = 8
    window_hw: tuple[int, int] = (192, 320)
    cell_px: int = 4
    """Pixels to a cell: of the teacher's picture to its belief, of the network's to its scores."""
    smallest: float = 0.42
    """A picture is shrunk to no less than this share of the size the teacher saw..."""
    largest: float = 1.4
    """...and enlarged to no more."""


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


class SegmenterTask:
    """What a small segmenter learns: see `forecast.training.fit.Task`.

    Args:
        network: Pictures normalised by `mean` and `std` to scores at a `cell_px`th of their size.
        groups: What it learns from.
        develop: What the best checkpoint is chosen by: agreement with the teacher.
        settings: How pictures are seen.
        mean: Subtracted from RGB in 0 to 1.
        std: What the difference is divided by.
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
    ) -> None:
        self.network = network
        self.develop = develop
        self._groups, self._settings = groups, settings
        self._shares = torch.tensor([group.share for group in groups])
        self._weights = class_weights(groups)
        self._mean, self._std = torch.tensor([mean, std])[..., None, None]

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
        return relit(seen, generator), belief

    def losses(self, batch: SegmenterBatch) -> Mapping[str, Tensor]:
        """Cross-entropy with the teacher's belief, weighed by class."""
        device = self._device
        scores = self.network(batch.pictures.to(device)).float().log_softmax(dim=1)
        wanted = (batch.belief * self._weights[:, None, None]).to(device)
        return {"total": -(wanted * scores).sum() / wanted.sum()}

    def scores(self) -> Mapping[str, float]:
        """Mean IoU with the teacher's labels over the classes it names, pooled over `develop`."""
        num_classes = len(self._weights)
        counts = torch.zeros(num_classes, num_classes, dtype=torch.int64)
        for picture in self.develop:
            pairs = picture.belief.argmax(0) * num_classes + self.said(picture)
            counts += torch.bincount(pairs.flatten(), minlength=counts.numel()).view_as(counts)
        hits, named = counts.diagonal(), counts.sum(1)
        union = (named + counts.sum(0) - hits).clamp_min(1)
        return {"score": float((hits / union)[named > 0].mean())}

    def said(self, picture: TaughtPicture) -> Int64[Tensor, "h w"]:
        """What the network takes each cell of a picture for."""
        cells = picture.belief.shape[-2:]
        size = [side * self._settings.cell_px // 32 * 32 for side in cells]
        seen = F.interpolate(picture.rgb[None], size, mode="bilinear", antialias=True) / 255
        scores = self.network(((seen - self._mean) / self._std).to(self._device)).float().cpu()
        return F.interpolate(scores, cells, mode="bilinear", align_corners=False)[0].argmax(0)

    @property
    def _device(self) -> torch.device:
        return next(self.network.parameters()).device
