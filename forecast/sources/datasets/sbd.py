"""Semantic Boundaries Dataset as it is distributed: VOC's classes in MATLAB files, no void.

Its `train` and `val` overlap with VOC's `val`. A split is read for learning only where VOC's list
is at hand to show that nothing overlaps; `train_noval` is all that VOC's `val` has not.
"""

from __future__ import annotations

from pathlib import Path

from forecast.errors import SourceError
from forecast.labels import VOC, collapse_table
from forecast.sources.datasets.kind import SplitFiles
from forecast.sources.datasets.labelled import LabelledImages
from forecast.sources.datasets.mat_files import read_sbd
from forecast.sources.datasets.stills import listed_names, open_stills, require_split
from forecast.sources.datasets.voc import refuse_overlap

_NOVAL = "train_noval"
_JUDGES = Path("ImageSets/Segmentation/val.txt")
PUBLISHED = {"train": 8498, "val": 2857, _NOVAL: 5623}


def is_sbd(root: Path) -> bool:
    """Whether a folder is SBD's `dataset`: img/, cls/ and lists."""
    return (root / "cls").is_dir() and (root / "img").is_dir()


def _judging(root: Path) -> list[str] | None:
    """Names of VOC's val, where its list lies in this folder, beside it, or beside that."""
    for above in (root, *root.resolve().parents[:3]):
        for below in ("", "VOC2012", "VOCdevkit/VOC2012"):
            if (above / below / _JUDGES).is_file():
                return listed_names(above / below / _JUDGES)
    return None


def sbd_splits(root: Path) -> list[str]:
    """Splits that have a list, and `train_noval` where VOC's list tells it."""
    present = [split for split in PUBLISHED if (root / f"{split}.txt").is_file()]
    can_tell = {"train", "val"} <= set(present) and _judging(root) is not None
    return [*present, _NOVAL] if can_tell and _NOVAL not in present else present


def sbd_files(root: Path, split: str) -> SplitFiles:
    """Pictures and annotations of a split.

    Raises:
        SourceError: There is no such split, or it is not known to be apart from VOC's val.
    """
    require_split(root, split, sbd_splits(root), name="SBD")
    listing, judging = root / f"{split}.txt", _judging(root)
    if listing.is_file():
        names = listed_names(listing)
    else:
        every = [name for one in ("train", "val") for name in listed_names(root / f"{one}.txt")]
        names = [name for name in every if name not in set(judging or ())]
    if split != "val":
        if judging is None:
            raise SourceError(
                f"{root} {split} may hold pictures of VOC's val, and {_JUDGES} is nowhere near to "
                "tell; put VOC2012 beside the folder, or that list into it"
            )
        refuse_overlap(names, judging, what=f"{root} {split}")
    return SplitFiles(
        pictures=[root / "img" / f"{name}.jpg" for name in names],
        labels=[root / "cls" / f"{name}.mat" for name in names],
    )


def open_sbd(root: Path, split: str) -> list[LabelledImages]:
    """The pictures of a split, as one clip without time.

    Raises:
        SourceError: The split or some of its files are missing, or it overlaps with VOC's `val`.
        UsageError: SciPy is not installed.
    """
    return open_stills(
        sbd_files(root, split),
        root=root,
        clip=f"sbd_{split}",
        space=VOC,
        table=collapse_table(VOC, VOC),
        read=read_sbd,
        remedy="unpack benchmark.tgz again",
    )
