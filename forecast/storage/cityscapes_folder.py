"""Writes annotated clips as Cityscapes is distributed, so that any tool that reads it reads them.

Promises official names and ids, one annotated frame a snippet (index 19), and no half-written file
under a final name.
"""

from __future__ import annotations

from collections.abc import Iterable
from pathlib import Path
from typing import Protocol

import cv2
import numpy as np
from jaxtyping import Int32
from numpy.typing import NDArray
from torch import Tensor

from forecast.errors import UsageError
from forecast.files import replace_file, storage_faults
from forecast.labels import LABEL_ID_OF_TRAIN_ID
from forecast.stages import AnnotatedSource

ANNOTATED_INDEX = 19
"""Which frame of a snippet Cityscapes annotates, from 0."""


class InstanceSource(AnnotatedSource, Protocol):
    """An annotated source that also tells its things apart; a rendered street is one."""

    def instance_ids(self, index: int) -> Int32[Tensor, "H W"]:
        """Per pixel: label id times 1000 plus the number of the instance, or the label id."""
        ...


def write_cityscapes(
    folder: Path, snippets: Iterable[InstanceSource], *, split: str, city: str
) -> None:
    """The official tree: every frame of each snippet, and the annotation of frame 19.

    Args:
        folder: Where leftImg8bit_sequence, leftImg8bit and gtFine are made.
        snippets: Clips in train ids, named CITY_NUMBER.
        split: `train`, `val` or `test`.
        city: The folder within the split.

    Raises:
        UsageError: A snippet is too short to hold the annotated frame.
        StorageError: A file cannot be written.
    """
    for snippet in snippets:
        _write_snippet(folder, snippet, split=split, city=city)


def _write_snippet(folder: Path, snippet: InstanceSource, *, split: str, city: str) -> None:
    sequence = folder / "leftImg8bit_sequence" / split / city
    annotated = False
    with snippet.open() as frames:
        for frame in frames:
            picture = np.ascontiguousarray(frame.rgb.numpy().transpose(1, 2, 0)[..., ::-1])
            name = f"{snippet.clip}_{frame.at.index:06d}_leftImg8bit.png"
            _write_png(sequence / name, picture)
            if frame.at.index == ANNOTATED_INDEX:
                _write_png(folder / "leftImg8bit" / split / city / name, picture)
                _write_annotation(folder / "gtFine" / split / city, snippet)
                annotated = True
    if not annotated:
        raise UsageError(
            f"{snippet.clip} ends before frame {ANNOTATED_INDEX}, which Cityscapes annotates; "
            f"give at least {ANNOTATED_INDEX + 1} frames a snippet"
        )


def _write_annotation(folder: Path, snippet: InstanceSource) -> None:
    stem = f"{snippet.clip}_{ANNOTATED_INDEX:06d}_gtFine"
    train_ids = snippet.label_map(ANNOTATED_INDEX).ids.numpy()
    _write_png(folder / f"{stem}_labelIds.png", LABEL_ID_OF_TRAIN_ID[train_ids])
    _write_png(folder / f"{stem}_labelTrainIds.png", train_ids)
    instances = snippet.instance_ids(ANNOTATED_INDEX).numpy().astype(np.uint16)
    _write_png(folder / f"{stem}_instanceIds.png", instances)


def _write_png(path: Path, picture: NDArray[np.uint8] | NDArray[np.uint16]) -> None:
    with storage_faults(path):
        path.parent.mkdir(parents=True, exist_ok=True)
        replace_file(path, cv2.imencode(".png", picture)[1].tobytes())
