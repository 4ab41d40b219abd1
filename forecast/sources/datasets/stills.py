"""Data sets of single pictures: no film, sizes that differ, lists of names for splits."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from forecast.errors import SourceError
from forecast.labels import LabelSpace
from forecast.sources.datasets.kind import SplitFiles
from forecast.sources.datasets.labelled import LabelledImages
from forecast.sources.images import ImageSource
from forecast.sources.pictures import read_ids, require_files

_NOMINAL_FPS = 1.0
"""Pictures have no rate: one a second makes each its own block of time."""


def listed_names(path: Path) -> list[str]:
    """Names without folder and ending, one a line; of a line of several paths the first.

    Raises:
        SourceError: The list is missing or empty.
    """
    try:
        rows = path.read_text(encoding="utf-8").splitlines()
    except OSError as fault:
        raise SourceError(f"{path} cannot be read ({fault.strerror}); it lists a split") from fault
    names = [Path(row.split()[0]).stem for row in rows if row.strip()]
    if not names:
        raise SourceError(f"{path} lists no pictures; get a whole copy")
    return names


def require_split(root: Path, split: str, present: list[str], *, name: str) -> None:
    """Raise unless the split is one of those that are there.

    Raises:
        SourceError: It is not.
    """
    if split not in present:
        has = ", ".join(present) or "none"
        raise SourceError(f"{root} has no {name} split {split!r}; splits there: {has}")


def open_stills(
    files: SplitFiles,
    *,
    root: Path,
    clip: str,
    space: LabelSpace,
    table: NDArray[np.integer],
    read: Callable[[Path], NDArray[np.integer]] = read_ids,
    remedy: str,
) -> list[LabelledImages]:
    """One clip of unrelated pictures, each annotated.

    Raises:
        SourceError: Some files are missing; names them.
    """
    require_files([*files.pictures, *files.labels], root=root, remedy=remedy)
    pictures = ImageSource(files.pictures, clip=clip, fps=_NOMINAL_FPS, one_size=False)
    labels = dict(enumerate(files.labels))
    return [LabelledImages(pictures, labels, space=space, table=table, read=read)]
