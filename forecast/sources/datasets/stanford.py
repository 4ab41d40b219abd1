"""Stanford Background: matrices of class numbers as text, negative where nobody knows.

There is no official split: five folds, drawn with a stated seed. `fold0` to `fold4` are judged,
`train0` to `train4` hold the pictures of the other four.
"""

from __future__ import annotations

from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from forecast.errors import SourceError
from forecast.labels import STANFORD, collapse_table
from forecast.sources.datasets.kind import SplitFiles
from forecast.sources.datasets.labelled import LabelledImages
from forecast.sources.datasets.stills import open_stills, require_split
from forecast.sources.pictures import images_in

SEED = 0
"""Of NumPy's `default_rng(SEED).permutation` over the names in order."""
NUM_FOLDS = 5
_SPLITS = [f"{part}{fold}" for part in ("fold", "train") for fold in range(NUM_FOLDS)]
PUBLISHED = {split: 143 if split.startswith("fold") else 572 for split in _SPLITS}
_ENDING = ".regions.txt"


def is_stanford(root: Path) -> bool:
    """Whether a folder is `iccv09Data`: images/ and labels/*.regions.txt."""
    folder = root / "labels"
    return (root / "images").is_dir() and folder.is_dir() and any(folder.glob(f"*{_ENDING}"))


def stanford_splits(root: Path) -> list[str]:
    """Folds, and what is learnt from to be judged by them."""
    return _SPLITS if is_stanford(root) else []


def stanford_files(root: Path, split: str) -> SplitFiles:
    """Pictures and annotations of a fold or of all others.

    Raises:
        SourceError: There is no such split.
    """
    require_split(root, split, stanford_splits(root), name="Stanford Background")
    pictured = {path.stem for path in images_in(root / "images")}
    labelled = {path.name.removesuffix(_ENDING) for path in (root / "labels").glob(f"*{_ENDING}")}
    names = np.array(sorted(pictured | labelled))
    drawn = np.random.default_rng(SEED).permutation(len(names))
    fold = int(split[-1])
    judged = np.isin(np.arange(len(names)), drawn[fold::NUM_FOLDS])
    chosen = names[judged if split.startswith("fold") else ~judged].tolist()
    return SplitFiles(
        pictures=[root / "images" / f"{name}.jpg" for name in chosen],
        labels=[root / "labels" / f"{name}{_ENDING}" for name in chosen],
    )


def open_stanford(root: Path, split: str) -> list[LabelledImages]:
    """The pictures of a split, as one clip without time.

    Raises:
        SourceError: The split or some of its files are missing.
    """
    return open_stills(
        stanford_files(root, split),
        root=root,
        clip=f"stanford_{split}",
        space=STANFORD,
        table=collapse_table(STANFORD, STANFORD),
        read=read_regions,
        remedy="unpack iccv09Data.tar.gz again",
    )


def read_regions(path: Path) -> NDArray[np.integer]:
    """Class numbers, [H, W]; 255 where nobody knows.

    Raises:
        SourceError: It is missing, or its rows are no whole numbers of one length.
    """
    try:
        rows = [line.split() for line in path.read_text().splitlines() if line.strip()]
        ids = np.array(rows, np.int64)
    except (OSError, ValueError, OverflowError) as fault:
        raise SourceError(
            f"{path} is no matrix of whole numbers, one row a line: {fault}"
        ) from fault
    if ids.ndim != 2 or ids.max() >= STANFORD.void_id:
        raise SourceError(f"{path} holds no class numbers, one row a line; get a whole copy")
    return np.where(ids < 0, STANFORD.void_id, ids).astype(np.uint8)
