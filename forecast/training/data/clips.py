"""Clips to learn forecasting from: pictures, soft maps and labels, kept small and read from disk.

A clip is a folder that `write_clip` fills while a source is read once: memory holds one frame.
Axes: N frames, K classes, H W picture, h w grid.
"""

from __future__ import annotations

import json
from dataclasses import asdict, dataclass
from pathlib import Path
from types import TracebackType

import numpy as np
import torch
from jaxtyping import Float, UInt8
from numpy.typing import NDArray
from torch import Tensor

from forecast.errors import SourceError, UsageError
from forecast.geometry.resize import one_hot, probs_on_grid, resize_ids, resize_rgb
from forecast.labels import LabelSpace, lift_table, space_named
from forecast.values import Frame, Instant, LabelMap, Segmentation

_FORMAT = 1
_PICTURE_SCALE = 2
"""Pictures are kept this much larger than the grid, for flow."""


@dataclass(frozen=True, slots=True, kw_only=True)
class ClipHeader:
    """What a clip's folder says of itself."""

    name: str
    num_frames: int
    frame_s: float
    grid_hw: tuple[int, int]
    space: str
    fingerprint: str
    """Hash of the source's content, for the card."""
    seen_by: str = ""
    """Hash of the segmenter whose maps it holds; empty where it holds annotation."""
    pictures_of: str = ""
    """Clip whose pictures these are, where several segmenters saw it; else its own name."""
    format: int = _FORMAT


class Clip:
    """One clip on disk, mapped into memory as it is read.

    Raises:
        SourceError: The folder holds no finished clip of this version.
    """

    def __init__(self, folder: Path) -> None:
        header = folder / "clip.json"
        if not header.is_file():
            raise SourceError(f"{folder} holds no finished training clip; prepare it again")
        fields = json.loads(header.read_text())
        if fields["format"] != _FORMAT:
            raise SourceError(
                f"{folder} is of format {fields['format']}, {_FORMAT} is read; prepare it again"
            )
        self.header = ClipHeader(**(fields | {"grid_hw": tuple(fields["grid_hw"])}))
        self.space: LabelSpace = space_named(self.header.space)
        self._rgb = _mapped(folder / "rgb.npy")
        self._soft = _mapped(folder / "soft.npy")
        self._truth = _mapped(folder / "truth.npy")

    @property
    def has_truth(self) -> bool:
        """Whether every frame is annotated."""
        return self._truth is not None

    @property
    def has_soft(self) -> bool:
        """Whether a segmenter saw it."""
        return self._soft is not None

    @property
    def has_pictures(self) -> bool:
        """Whether pictures were kept beside the maps."""
        return self._rgb is not None

    def frame(self, index: int) -> Frame:
        """One picture, at the size that flow is estimated on."""
        assert self._rgb is not None, f"{self.header.name} was prepared without pictures"
        header = self.header
        clip = header.pictures_of or header.name
        at = Instant(clip=clip, index=index, pts_s=index * header.frame_s)
        return Frame(at=at, rgb=torch.from_numpy(np.array(self._rgb[index])))

    def soft(self, index: int) -> Float[Tensor, "K h w"]:
        """What a segmenter believed of one frame; certainty where only truth was kept."""
        if self._soft is None:
            return one_hot(self.ids(index), self.space.num_classes)
        probs = torch.from_numpy(np.array(self._soft[index])).float()
        return probs / probs.sum(dim=0, keepdim=True).clamp_min(1)

    def belief(self, index: int) -> UInt8[Tensor, "K h w"]:
        """The same in 255ths, as it is kept."""
        assert self._soft is not None, f"{self.header.name} was prepared without soft maps"
        return torch.from_numpy(np.array(self._soft[index]))

    def said(self, index: int) -> UInt8[Tensor, "h w"]:
        """The segmenter's likeliest class; the annotation where no segmenter saw the clip."""
        return self.ids(index) if self._soft is None else self._likeliest(index)

    def ids(self, index: int) -> UInt8[Tensor, "h w"]:
        """Labels to learn: the annotation with its void, or the segmenter's likeliest class."""
        if self._truth is not None:
            return torch.from_numpy(np.array(self._truth[index]))
        return self._likeliest(index)

    def _likeliest(self, index: int) -> UInt8[Tensor, "h w"]:
        assert self._soft is not None
        return torch.from_numpy(self._soft[index].argmax(axis=0).astype(np.uint8))


def _mapped(path: Path) -> NDArray[np.uint8] | None:
    return np.load(path, mmap_mode="r") if path.is_file() else None


class ClipWriter:
    """A clip's folder being filled; complete only after a `with` block that raised nothing.

    Args:
        folder: Where it will be; made if it is not there.
        header: What it will say of itself; `num_frames` is how many frames will come.
        soft: Whether segmentations will come.
        truth: Whether annotations will come.
        pictures: Whether pictures will come; what learns from maps alone needs none.
        picture_scale: How much larger than the grid they are kept.
    """

    def __init__(
        self,
        folder: Path,
        header: ClipHeader,
        *,
        soft: bool,
        truth: bool,
        pictures: bool = True,
        picture_scale: int = _PICTURE_SCALE,
    ) -> None:
        if not soft and not truth:
            raise UsageError(f"{header.name} has neither segmentations nor labels to learn from")
        folder.mkdir(parents=True, exist_ok=True)
        for name in ("clip.json", "rgb.npy", "soft.npy", "truth.npy"):
            (folder / name).unlink(missing_ok=True)
        self._folder, self._header, self._count = folder, header, 0
        self._space = space_named(header.space)
        count, (height, width) = header.num_frames, header.grid_hw
        self._picture_hw = (height * picture_scale, width * picture_scale)
        picture = (count, 3, *self._picture_hw)
        self._rgb = _created(folder / "rgb.npy", picture) if pictures else None
        shape = (count, self._space.num_classes, height, width)
        self._soft = _created(folder / "soft.npy", shape) if soft else None
        self._truth = _created(folder / "truth.npy", (count, height, width)) if truth else None

    def add(
        self, frame: Frame | None, seen: Segmentation | None, label_map: LabelMap | None
    ) -> None:
        """Keep one frame: of each kind what was announced."""
        grid_hw, index = self._header.grid_hw, self._count
        if self._rgb is not None:
            assert frame is not None
            self._rgb[index] = resize_rgb(frame.rgb, self._picture_hw).numpy()
        if self._soft is not None:
            assert seen is not None
            shares = probs_on_grid(seen, grid_hw)
            self._soft[index] = (shares * 255).round().byte().numpy()
        if self._truth is not None:
            assert label_map is not None
            table = lift_table(label_map.space, self._space)
            self._truth[index] = table[resize_ids(label_map.ids, grid_hw).numpy()]
        self._count += 1

    def __enter__(self) -> ClipWriter:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        fault: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        for array in (self._rgb, self._soft, self._truth):
            if isinstance(array, np.memmap):
                array.flush()
        if fault is None:
            assert self._count == self._header.num_frames
            text = json.dumps(asdict(self._header), indent=1)
            (self._folder / "clip.json").write_text(text)


def _created(path: Path, shape: tuple[int, ...]) -> NDArray[np.uint8]:
    return np.lib.format.open_memmap(path, mode="w+", dtype=np.uint8, shape=shape)
