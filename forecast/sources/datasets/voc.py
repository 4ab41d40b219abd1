"""PASCAL VOC 2012: palette PNGs of 20 classes and background, 255 around objects.

Counts as the devkit does (VOCevalseg.m): the border of 255 is left out, and a prediction must be
one of the 21. `train_aug` has SBD's annotations beside VOC's own (Hariharan et al., ICCV 2011).
"""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

from forecast.errors import SourceError
from forecast.labels import VOC, collapse_table
from forecast.sources.datasets.kind import SplitFiles
from forecast.sources.datasets.labelled import LabelledImages
from forecast.sources.datasets.stills import listed_names, open_stills, require_split
from forecast.sources.pictures import some_names

_LISTS = Path("ImageSets/Segmentation")
_OWN, _AUGMENTED = "SegmentationClass", "SegmentationClassAug"
_FOLDERS = {
    "train": _OWN,
    "val": _OWN,
    "trainval": _OWN,
    "train_aug": _AUGMENTED,
    "trainaug": _AUGMENTED,
}
PUBLISHED = {"train": 1464, "val": 1449, "trainval": 2913, "train_aug": 10582, "trainaug": 10582}


def voc_home(root: Path) -> Path | None:
    """The folder of the year: the root itself, or below it as the archive unpacks."""
    for home in (root, root / "VOC2012", root / "VOCdevkit" / "VOC2012"):
        if (home / _LISTS).is_dir() and (home / _OWN).is_dir():
            return home
    return None


def is_voc(root: Path) -> bool:
    """Whether a folder holds VOC's lists and annotations."""
    return voc_home(root) is not None


def voc_splits(root: Path) -> list[str]:
    """Splits that have a list and a folder of annotations."""
    home = voc_home(root)
    if home is None:
        return []
    return [
        split
        for split, folder in _FOLDERS.items()
        if (home / _LISTS / f"{split}.txt").is_file() and (home / folder).is_dir()
    ]


def voc_files(root: Path, split: str) -> SplitFiles:
    """Pictures and annotations of a split.

    Raises:
        SourceError: There is no such split, or it holds pictures that judge.
    """
    home = voc_home(root)
    require_split(root, split, voc_splits(root), name="VOC")
    assert home is not None
    names = listed_names(home / _LISTS / f"{split}.txt")
    judges = home / _LISTS / "val.txt"
    if split in ("train_aug", "trainaug", "train") and judges.is_file():
        refuse_overlap(names, listed_names(judges), what=f"{root} {split}")
    folder = home / _FOLDERS[split]
    return SplitFiles(
        pictures=[home / "JPEGImages" / f"{name}.jpg" for name in names],
        labels=[folder / f"{name}.png" for name in names],
    )


def refuse_overlap(taught: Sequence[str], judging: Sequence[str], *, what: str) -> None:
    """Raise if what would be learnt from also judges.

    Raises:
        SourceError: Some names are in both; says how many and the first few.
    """
    both = [name for name in taught if name in set(judging)]
    if both:
        raise SourceError(
            f"{what} shares {len(both)} of {len(taught)} pictures with VOC's val: "
            f"{some_names(both)}; scores on val would be of what was learnt: leave them out of "
            "the list"
        )


def open_voc(root: Path, split: str) -> list[LabelledImages]:
    """The pictures of a split, as one clip without time.

    Raises:
        SourceError: The split or some of its files are missing, or it overlaps with `val`.
    """
    return open_stills(
        voc_files(root, split),
        root=root,
        clip=f"voc_{split}",
        space=VOC,
        table=collapse_table(VOC, VOC),
        remedy="unpack VOCtrainval_11-May-2012.tar again (and SegmentationClassAug beside it)",
    )
