"""Cityscapes as it is distributed: snippets of 30 frames at 17 Hz, one of them annotated.

Promises that index 0 to 29 is the frame's place in its snippet, found from the annotation's own
number, and that what a partial download lacks is named. Reads only the pictures asked for.
"""

from __future__ import annotations

import re
from collections.abc import Container, Iterator, Sequence
from contextlib import AbstractContextManager
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import torch
from jaxtyping import UInt16
from torch import Tensor

from forecast.errors import SourceError
from forecast.labels import CITYSCAPES, TRAIN_ID_OF_LABEL_ID, LabelSpace, collapse_table
from forecast.sources.datasets.kind import SplitFiles
from forecast.sources.datasets.labelled import LabelledImages
from forecast.sources.images import ImageSource
from forecast.sources.pictures import some_names
from forecast.values import Frame, LabelMap

FPS = 17.0
FRAMES_BEFORE, FRAMES_AFTER = 19, 10
_SEQUENCE, _SINGLE, _FINE = "leftImg8bit_sequence", "leftImg8bit", "gtFine"
_LABEL_KINDS = ("labelIds", "labelTrainIds")
_NAME = re.compile(r"(?P<city>.+)_(?P<sequence>[0-9]{6})_(?P<frame>[0-9]{6})_gtFine_(?P<kind>\w+)")


@dataclass(frozen=True, slots=True, kw_only=True)
class _Annotation:
    city: str
    sequence: int
    frame: int
    kind: str
    path: Path

    @property
    def name(self) -> str:
        return f"{self.city}_{self.sequence:06}_{self.frame:06}"


class CityscapesSnippet:
    """One snippet: its frames, and the annotation of one of them."""

    def __init__(self, images: LabelledImages, *, city: str, instances: Path) -> None:
        """Takes the frames with their one annotation, and where instance ids would be."""
        self._images = images
        self._instances = instances
        self.city = city

    @property
    def clip(self) -> str:
        """City, sequence and annotated frame, as in its files' names."""
        return self._images.clip

    @property
    def fps(self) -> float:
        """17 frames a second."""
        return FPS

    @property
    def num_frames(self) -> int:
        """30, or 1 where only single frames were downloaded."""
        return self._images.num_frames

    @property
    def fingerprint(self) -> str:
        """Hash of every picture and of the annotation."""
        return self._images.fingerprint

    @property
    def space(self) -> LabelSpace:
        """The 19 train ids."""
        return self._images.space

    @property
    def annotated(self) -> tuple[int, ...]:
        """Index of the one annotated frame: 19 of a whole snippet."""
        return self._images.annotated

    def open(self, only: Container[int] | None = None) -> AbstractContextManager[Iterator[Frame]]:
        """Frames from first to last; with `only`, no other file is read."""
        return self._images.open(only)

    def label_map(self, index: int) -> LabelMap:
        """The annotation in train ids.

        Raises:
            SourceError: The file is damaged or of another size than its picture.
        """
        return self._images.label_map(index)

    def instance_ids(self, index: int) -> UInt16[Tensor, "H W"] | None:
        """Label id, or label id * 1000 + count where objects are told apart; None if not there.

        Raises:
            SourceError: The file is damaged or of another size than its picture.
        """
        if index not in self.annotated or not self._instances.is_file():
            return None
        stored = self._images.stored_ids(index, self._instances)
        return torch.from_numpy(stored.astype(np.uint16))


def _folders(folder: Path) -> list[Path]:
    return sorted(path for path in folder.iterdir() if path.is_dir()) if folder.is_dir() else []


def find_splits(root: Path) -> list[str]:
    """Splits that have both pictures and annotations."""
    pictured = {path.name for kind in (_SEQUENCE, _SINGLE) for path in _folders(root / kind)}
    return [path.name for path in _folders(root / _FINE) if path.name in pictured]


def is_cityscapes(root: Path) -> bool:
    """Whether a folder has the official layout: pictures of one kind or the other."""
    return (root / _SEQUENCE).is_dir() or (root / _SINGLE).is_dir()


def open_cityscapes(root: Path, *, split: str) -> list[CityscapesSnippet]:
    """The snippets of one split, in order of their names.

    Without `leftImg8bit_sequence` for that split, each annotated picture of `leftImg8bit` is a
    snippet of one frame.

    Raises:
        SourceError: The split, a city or some of its frames are missing; names them.
    """
    kind = _SEQUENCE if (root / _SEQUENCE / split).is_dir() else _SINGLE
    if split not in find_splits(root):
        has = ", ".join(find_splits(root)) or "none"
        raise SourceError(
            f"{root} has no Cityscapes split {split!r} with both {kind}/{split} and "
            f"{_FINE}/{split}; splits there: {has}; download leftImg8bit_sequence_trainvaltest.zip "
            "and gtFine_trainvaltest.zip"
        )
    annotations = _annotations(root / _FINE / split)
    frames = _frames(root, split, annotations)
    _require_whole(root / kind / split, annotations, frames)
    before = FRAMES_BEFORE if kind == _SEQUENCE else 0
    return [
        _snippet(one, paths, annotated=min(before, one.frame))
        for one, paths in zip(annotations, frames, strict=True)
    ]


def cityscapes_files(root: Path, split: str) -> SplitFiles:
    """Every frame of a split's snippets, and their annotations.

    Raises:
        SourceError: The split has no annotations.
    """
    annotations = _annotations(root / _FINE / split)
    frames = _frames(root, split, annotations)
    return SplitFiles(
        pictures=[path for paths in frames for path in paths],
        labels=[one.path for one in annotations],
    )


def _frames(root: Path, split: str, annotations: Sequence[_Annotation]) -> list[list[Path]]:
    kind = _SEQUENCE if (root / _SEQUENCE / split).is_dir() else _SINGLE
    before, after = (FRAMES_BEFORE, FRAMES_AFTER) if kind == _SEQUENCE else (0, 0)
    folder = root / kind / split
    return [_frame_paths(folder, one, before=before, after=after) for one in annotations]


def _annotations(folder: Path) -> list[_Annotation]:
    """One annotation a frame: label ids where they are, else train ids."""
    found: dict[str, _Annotation] = {}
    for path in (path for city in _folders(folder) for path in city.iterdir()):
        match = _NAME.fullmatch(path.stem)
        if match is None or match["kind"] not in _LABEL_KINDS or path.suffix != ".png":
            continue
        one = _Annotation(
            city=match["city"],
            sequence=int(match["sequence"]),
            frame=int(match["frame"]),
            kind=match["kind"],
            path=path,
        )
        if one.name not in found or one.kind == _LABEL_KINDS[0]:
            found[one.name] = one
    if not found:
        raise SourceError(
            f"{folder} holds no CITY/*_gtFine_labelIds.png or *_gtFine_labelTrainIds.png; "
            "download gtFine_trainvaltest.zip"
        )
    return [found[name] for name in sorted(found)]


def _frame_paths(folder: Path, one: _Annotation, *, before: int, after: int) -> list[Path]:
    return [
        folder / one.city / f"{one.city}_{one.sequence:06}_{number:06}_leftImg8bit.png"
        for number in range(max(0, one.frame - before), one.frame + after + 1)
    ]


def _require_whole(
    folder: Path, annotations: Sequence[_Annotation], frames: Sequence[Sequence[Path]]
) -> None:
    cities = {one.city for one in annotations}
    absent = sorted(city for city in cities if not (folder / city).is_dir())
    if absent:
        raise SourceError(
            f"{folder} lacks {len(absent)} of the {len(cities)} annotated cities: "
            f"{some_names(absent)}; download them or remove their annotations"
        )
    there = {path.name for city in cities for path in (folder / city).iterdir()}
    gaps = [
        f"{one.name} frames {_ranges([_number(path) for path in missing])}"
        for one, paths in zip(annotations, frames, strict=True)
        if (missing := [path for path in paths if path.name not in there])
    ]
    if gaps:
        raise SourceError(
            f"{folder} is incomplete in {len(gaps)} of {len(annotations)} snippets: "
            f"{some_names(gaps)}; download them again or remove their annotations"
        )


def _number(path: Path) -> int:
    return int(path.stem.split("_")[-2])


def _ranges(numbers: Sequence[int]) -> str:
    """Rising numbers as `3-7, 9`."""
    runs: list[list[int]] = []
    for number in numbers:
        if runs and number == runs[-1][-1] + 1:
            runs[-1].append(number)
        else:
            runs.append([number])
    return ", ".join(f"{run[0]}-{run[-1]}" if len(run) > 1 else str(run[0]) for run in runs)


def _snippet(one: _Annotation, paths: Sequence[Path], *, annotated: int) -> CityscapesSnippet:
    table = (
        TRAIN_ID_OF_LABEL_ID if one.kind == "labelIds" else collapse_table(CITYSCAPES, CITYSCAPES)
    )
    images = LabelledImages(
        ImageSource(paths, clip=one.name, fps=FPS),
        {annotated: one.path},
        space=CITYSCAPES,
        table=table,
    )
    instances = one.path.with_name(f"{one.name}_gtFine_instanceIds.png")
    return CityscapesSnippet(images, city=one.city, instances=instances)
