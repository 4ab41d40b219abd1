"""Pascal Context: the whole scene of VOC 2010's pictures, in 459 classes or the usual 59.

Three layouts: `trainval/*.mat` (ids by `labels.txt`), `SegmentationClassContext/*.png` (0 to 59),
and `annotations_ctx459/{training,validation}` (16-bit ids less one, 65535 for none). A split is
`val` or `train` (59 classes, all else void), with `-60` (all else is background) or with `-459`.
Two orders of the 59 are about: the list of names beside the pictures tells which one they follow.
"""

from __future__ import annotations

from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from forecast.errors import SourceError
from forecast.labels import PASCAL_CONTEXT_59, PASCAL_CONTEXT_60, LabelSpace, context_space
from forecast.sources.datasets.class_lists import read_class_list, require_classes
from forecast.sources.datasets.kind import SplitFiles
from forecast.sources.datasets.labelled import LabelledImages
from forecast.sources.datasets.mat_files import read_label_map
from forecast.sources.datasets.stills import listed_names, open_stills, require_split
from forecast.sources.pictures import images_in, read_ids

PUBLISHED = {
    f"{split}{end}": count
    for split, count in (("train", 4998), ("val", 5105))
    for end in ("", "-60", "-459")
}
_MATS, _PNGS, _WIDE = "trainval", "SegmentationClassContext", "annotations_ctx459"
_LISTS = Path("ImageSets/SegmentationContext")
_WIDE_FOLDERS = {"train": "training", "val": "validation"}
_NO_CLASS = 65535


def is_pascal_context(root: Path) -> bool:
    """Whether a folder has one of the three layouts."""
    return _has_mats(root) or (root / _PNGS).is_dir() or (root / _WIDE).is_dir()


def _has_mats(root: Path) -> bool:
    return (root / _MATS).is_dir() and any((root / _MATS).glob("*.mat"))


def context_splits(root: Path) -> list[str]:
    """Splits that have a list (or a folder) and annotations, for each count of classes."""
    ends = ["", "-60"] if _has_mats(root) or (root / _PNGS).is_dir() else []
    ends += ["-459"] if _has_mats(root) else []
    listed = [one for one in ("train", "val") if (root / _LISTS / f"{one}.txt").is_file()]
    found = [f"{split}{end}" for split in listed for end in ends]
    if (root / _WIDE).is_dir():
        found += [
            f"{split}-459"
            for split, folder in _WIDE_FOLDERS.items()
            if (root / _WIDE / folder).is_dir() and f"{split}-459" not in found
        ]
    return found


def context_files(root: Path, split: str) -> SplitFiles:
    """Pictures and annotations of a split.

    Raises:
        SourceError: There is no such split.
    """
    require_split(root, split, context_splits(root), name="Pascal Context")
    part, _, classes = split.partition("-")
    if classes == "459" and not _has_mats(root):
        folder = _WIDE_FOLDERS[part]
        labels = images_in(root / _WIDE / folder)
        pictures = [root / "images" / folder / f"{path.stem}.jpg" for path in labels]
        return SplitFiles(pictures=pictures, labels=labels)
    names = listed_names(root / _LISTS / f"{part}.txt")
    folder, ending = (_MATS, "mat") if _has_mats(root) else (_PNGS, "png")
    return SplitFiles(
        pictures=[root / "JPEGImages" / f"{name}.jpg" for name in names],
        labels=[root / folder / f"{name}.{ending}" for name in names],
    )


def open_pascal_context(root: Path, split: str) -> list[LabelledImages]:
    """The pictures of a split, as one clip without time.

    Raises:
        SourceError: The split, a list of names or some files are missing.
        UsageError: SciPy is not installed.
    """
    files = context_files(root, split)
    space, table = _meaning(root, split.partition("-")[2])
    return open_stills(
        files,
        root=root,
        clip=f"pascal-context_{split}",
        space=space,
        table=table,
        read=read_label_map if _has_mats(root) else read_ids,
        remedy="unpack VOC 2010 and the annotations of Pascal Context again",
    )


def _meaning(root: Path, classes: str) -> tuple[LabelSpace, NDArray[np.integer]]:
    """The space of a split, and its id for each value that a file may hold."""
    if classes == "459":
        return _all_classes(root)
    space = PASCAL_CONTEXT_60 if classes == "60" else PASCAL_CONTEXT_59
    named = read_class_list(root / "labels.txt") if _has_mats(root) else _order_of_pngs(root)
    beyond = space.id_of("background") if space == PASCAL_CONTEXT_60 else space.void_id
    # 16 bits may hold 65535, and PNGs 255, for what nobody annotated.
    table = np.full(_NO_CLASS + 1, space.void_id, space.id_type)
    table[: max(named) + 1] = beyond
    for value, name in named.items():
        if name in space.names:
            table[value] = space.id_of(name)
    return space, table


def _all_classes(root: Path) -> tuple[LabelSpace, NDArray[np.integer]]:
    path = root / "labels.txt"
    named = read_class_list(path)
    if sorted(named) != list(range(1, len(named) + 1)):
        raise SourceError(f"{path} has ids with gaps; needed 1 to {len(named)}, one a line")
    space = context_space(
        f"pascal-context-{len(named)}", [named[one] for one in sorted(named)], void_id=_NO_CLASS
    )
    first = 1 if _has_mats(root) else 0
    table = np.full(_NO_CLASS + 1, space.void_id, np.uint16)
    table[first : first + len(named)] = np.arange(len(named))
    return space, table


def _order_of_pngs(root: Path) -> dict[int, str]:
    """Names of the ids 1 to 59 of the PNGs, by the list that lies with them."""
    places = [root / _PNGS, root]
    names = ("59_labels.txt", "classes.txt", "labels.txt")
    lists = [place / name for place in places for name in names if (place / name).is_file()]
    if not lists:
        raise SourceError(
            f"{root / _PNGS} has ids in one of two orders and no list that tells which; put the "
            "list that they were made by beside them, as 59_labels.txt with lines `ID: NAME`"
        )
    named = dict(read_class_list(lists[0]))
    require_classes(named, PASCAL_CONTEXT_59.names, path=lists[0])
    if named.get(1) == "background":
        # Bare names that begin with the background count it as 0.
        named = {value - 1: name for value, name in named.items()}
    return named
