"""Label maps in MATLAB files of version 5 (VOC's relatives): data alone, no code."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from forecast.errors import SourceError, UsageError


def read_label_map(path: Path) -> NDArray[np.integer]:
    """`LabelMap` of Pascal Context, [H, W].

    Raises:
        SourceError: The file is missing, damaged, or holds no such field.
        UsageError: SciPy is not installed.
    """
    return _ids(_field(path, "LabelMap"), path)


def read_sbd(path: Path) -> NDArray[np.integer]:
    """`GTcls.Segmentation` of SBD's cls/ files, [H, W].

    Raises:
        SourceError: The file is missing, damaged, or holds no such field.
        UsageError: SciPy is not installed.
    """
    stored = _field(path, "GTcls")
    try:
        return _ids(stored["Segmentation"].flat[0], path)
    except (ValueError, IndexError, TypeError) as fault:
        raise SourceError(f"{path} has no GTcls.Segmentation; name the files of cls/") from fault


def _field(path: Path, name: str) -> Any:
    try:
        from scipy.io import loadmat
    except ModuleNotFoundError as fault:
        raise UsageError(
            "MATLAB files are read by SciPy; pip install 'segmentation-forecast[datasets]'"
        ) from fault
    try:
        # Damaged files raise whatever the parser stumbles over.
        stored: dict[str, Any] = loadmat(path)
    except Exception as fault:
        raise SourceError(f"{path} is no MATLAB file that can be read: {fault}") from fault
    if name not in stored:
        raise SourceError(f"{path} has no field {name}; name the label maps, not other files")
    return stored[name]


def _ids(stored: Any, path: Path) -> NDArray[np.integer]:
    ids = np.asarray(stored)
    if ids.ndim != 2 or ids.dtype.kind not in "ui":
        raise SourceError(
            f"{path} holds {ids.dtype} of {ids.ndim} axes where a label map has whole numbers in "
            "two; get a whole copy"
        )
    return ids
