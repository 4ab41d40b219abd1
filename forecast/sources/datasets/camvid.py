"""CamVid in the SegNet tutorial's layout: `{split}.txt`, `{split}/`, `{split}annot/`.

Promises that frames of one clip are evenly spaced (within a tenth) and of one drive. File numbers
count frames at 30 Hz, so numbers n apart are a clip at 30/n frames a second.
"""

from __future__ import annotations

import re
import statistics
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from itertools import groupby, pairwise
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from forecast.errors import SourceError
from forecast.labels import CAMVID, collapse_table
from forecast.sources.datasets.kind import SplitFiles
from forecast.sources.datasets.labelled import LabelledImages
from forecast.sources.images import ImageSource
from forecast.sources.pictures import images_in, read_ids, require_files

_NUMBERS_PER_S = 30.0
_UNEVEN = 1.1
"""A gap this many times its neighbour is a change of step (labelling jitters by 1 in 30)."""
_SPLITS = ("train", "val", "test")


@dataclass(frozen=True, slots=True, kw_only=True)
class _Numbered:
    drive: str
    number: int
    path: Path


def find_splits(root: Path) -> list[str]:
    """Splits that have both pictures and annotations."""
    return [
        split for split in _SPLITS if (root / split).is_dir() and (root / f"{split}annot").is_dir()
    ]


def is_camvid(root: Path) -> bool:
    """Whether a folder has the SegNet tutorial's layout."""
    return bool(find_splits(root))


def open_camvid(root: Path, *, split: str = "val") -> list[LabelledImages]:
    """The clips of one split, in order of drive and time; every frame is annotated.

    Raises:
        SourceError: The split or some of its files are missing; names them.
    """
    present = find_splits(root)
    if split not in present:
        has = ", ".join(present) or "none"
        raise SourceError(f"{root} has no CamVid split {split!r}; splits there: {has}")
    files = camvid_files(root, split)
    require_files(
        [*files.pictures, *files.labels],
        root=root,
        remedy="get the SegNet tutorial's CamVid again",
    )
    return clips_of(files.pictures, lambda path: root / f"{split}annot" / path.name)


def camvid_files(root: Path, split: str) -> SplitFiles:
    """Pictures and annotations of a split.

    Raises:
        SourceError: It lists no pictures.
    """
    names = _listed(root, split)
    return SplitFiles(
        pictures=[root / split / name for name in names],
        labels=[root / f"{split}annot" / name for name in names],
    )


def clips_of(
    pictures: Sequence[Path],
    label_of: Callable[[Path], Path],
    *,
    read: Callable[[Path], NDArray[np.integer]] = read_ids,
) -> list[LabelledImages]:
    """Pictures of any drives as clips, in order of drive and time.

    Args:
        pictures: Named by drive and number.
        label_of: The label file of a picture.
        read: What a label file holds, in CamVid's eleven ids and void.

    Raises:
        SourceError: A name has no number.
    """
    numbered = sorted(
        (_numbered(path) for path in pictures), key=lambda one: (one.drive, one.number)
    )
    clips: list[LabelledImages] = []
    for _, drive in groupby(numbered, key=lambda one: one.drive):
        clips += [_clip(run, label_of, read) for run in _even_runs(list(drive))]
    return clips


def _listed(root: Path, split: str) -> list[str]:
    """Names of a split's pictures: by its list, else by its folder."""
    listing = root / f"{split}.txt"
    if listing.is_file():
        rows = (row.split() for row in listing.read_text().splitlines())
        names = [row[0].rsplit("/", 1)[-1] for row in rows if row]
    else:
        names = [path.name for path in images_in(root / split)]
    if not names:
        raise SourceError(f"{root} lists no pictures for the split {split!r}")
    return names


def _numbered(path: Path) -> _Numbered:
    match = re.fullmatch(r"(.*?)_?f?([0-9]+)", path.stem)
    if match is None:
        raise SourceError(f"{path} has no frame number; CamVid names are like 0016E5_07959.png")
    return _Numbered(drive=match[1], number=int(match[2]), path=path)


def _even_runs(drive: list[_Numbered]) -> list[list[_Numbered]]:
    """Cuts where the gap is wider than the one before it or the one after it."""
    gaps = [after.number - before.number for before, after in pairwise(drive)]
    runs = [[drive[0]]]
    for position, gap in enumerate(gaps):
        beside = gaps[max(0, position - 1) : position] + gaps[position + 1 : position + 2]
        if gap > _UNEVEN * min(beside, default=gap):
            runs.append([])
        runs[-1].append(drive[position + 1])
    return runs


def _clip(
    run: list[_Numbered],
    label_of: Callable[[Path], Path],
    read: Callable[[Path], NDArray[np.integer]],
) -> LabelledImages:
    first = run[0]
    steps = [after.number - before.number for before, after in pairwise(run)]
    pictures = ImageSource(
        [one.path for one in run],
        clip=f"{first.drive}_{first.number:05}",
        fps=_NUMBERS_PER_S / statistics.median(steps) if steps else None,
        pts_s=[(one.number - first.number) / _NUMBERS_PER_S for one in run],
    )
    labels = {index: label_of(one.path) for index, one in enumerate(run)}
    table = collapse_table(CAMVID, CAMVID)
    return LabelledImages(pictures, labels, space=CAMVID, table=table, read=read)
