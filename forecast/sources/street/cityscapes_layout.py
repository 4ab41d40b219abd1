"""Writes rendered streets as Cityscapes is distributed, so that any tool that reads it reads them.

Promises official names and ids, one annotated frame a snippet (index 19), and no half-written file
under a final name.
"""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import suppress
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from forecast.errors import StorageError, UsageError
from forecast.sources.cityscapes_ids import LABEL_ID_OF_TRAIN_ID
from forecast.sources.street.source import StreetSource

ANNOTATED_INDEX = 19
"""Which frame of a snippet Cityscapes annotates, from 0."""
CITY = "street"


def _written(path: Path, picture: NDArray[np.uint8] | NDArray[np.uint16]) -> None:
    """A PNG under its final name only once it is whole; colours as BGR."""
    import cv2

    partial = path.with_name(f".{path.name}.part")
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        partial.write_bytes(cv2.imencode(".png", picture)[1].tobytes())
        partial.replace(path)
    except OSError as fault:
        with suppress(OSError):
            partial.unlink(missing_ok=True)
        raise StorageError(
            f"{path} cannot be written: {fault.strerror}; choose a folder with room and rights"
        ) from fault


def _write_annotation(
    folder: Path, split: str, source: StreetSource, picture: NDArray[np.uint8]
) -> None:
    stem = f"{source.clip}_{ANNOTATED_INDEX:06d}"
    _written(folder / "leftImg8bit" / split / CITY / f"{stem}_leftImg8bit.png", picture)
    train_ids = source.label_map(ANNOTATED_INDEX).ids.numpy()
    truth = folder / "gtFine" / split / CITY
    _written(truth / f"{stem}_gtFine_labelIds.png", LABEL_ID_OF_TRAIN_ID[train_ids])
    _written(truth / f"{stem}_gtFine_labelTrainIds.png", train_ids)
    instances = source.instance_ids(ANNOTATED_INDEX).numpy().astype(np.uint16)
    _written(truth / f"{stem}_gtFine_instanceIds.png", instances)


def write_snippets(
    folder: Path,
    *,
    split: str,
    num_snippets: int,
    seed: int,
    size_hw: tuple[int, int] = (256, 512),
    num_frames: int = 30,
) -> Iterator[str]:
    """The name of each snippet as it is finished; snippet n is the street of seed + n.

    Raises:
        UsageError: A snippet is too short to hold the annotated frame, or there is none.
        StorageError: A file cannot be written.
    """
    if num_frames <= ANNOTATED_INDEX or num_snippets < 1:
        raise UsageError(
            f"{num_snippets} snippets of {num_frames} frames were asked for; Cityscapes annotates "
            f"frame {ANNOTATED_INDEX}, so ask for at least 1 of {ANNOTATED_INDEX + 1}"
        )
    for number in range(num_snippets):
        clip = f"{CITY}_{number:06d}"
        source = StreetSource(seed=seed + number, num_frames=num_frames, size_hw=size_hw, clip=clip)
        sequence = folder / "leftImg8bit_sequence" / split / CITY
        with source.open() as frames:
            for frame in frames:
                picture = np.ascontiguousarray(frame.rgb.numpy().transpose(1, 2, 0)[..., ::-1])
                _written(sequence / f"{clip}_{frame.at.index:06d}_leftImg8bit.png", picture)
                if frame.at.index == ANNOTATED_INDEX:
                    _write_annotation(folder, split, source, picture)
        yield clip


def write_cityscapes(
    folder: Path,
    *,
    split: str,
    num_snippets: int,
    seed: int,
    size_hw: tuple[int, int] = (256, 512),
    num_frames: int = 30,
) -> None:
    """Writes snippets with their annotations; see `write_snippets` for one at a time."""
    for _ in write_snippets(
        folder,
        split=split,
        num_snippets=num_snippets,
        seed=seed,
        size_hw=size_hw,
        num_frames=num_frames,
    ):
        pass
