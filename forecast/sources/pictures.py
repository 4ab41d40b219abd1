"""Single picture files: pixels as RGB, label ids as they are stored, and where each is missing.

Promises that a file cut short is an error, never a picture with a grey end. Does not know clips.
Axes: H W picture.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Sequence
from pathlib import Path

import cv2
import numpy as np
import torch
from jaxtyping import Integer, UInt8
from torch import Tensor

from forecast.errors import SourceError

IMAGE_SUFFIXES = frozenset(
    {".png", ".jpg", ".jpeg", ".bmp", ".ppm", ".pgm", ".tif", ".tiff", ".webp"}
)
_ENDINGS = {b"\x89PNG": b"IEND", b"\xff\xd8\xff": b"\xff\xd9"}
_NUM_NAMED = 5


def natural_key(path: Path) -> tuple[tuple[int, int | str], ...]:
    """A sort key under which `frame2` comes before `frame10`."""
    return tuple(
        (0, int(part)) if part.isdigit() else (1, part.lower())
        for part in re.split(r"([0-9]+)", str(path))
        if part
    )


def is_image(path: Path) -> bool:
    """Whether the name is that of a picture file (and not a hidden one)."""
    return path.suffix.lower() in IMAGE_SUFFIXES and not path.name.startswith(".")


def images_in(folder: Path) -> list[Path]:
    """Picture files directly in a folder, in natural order; none if there is no such folder."""
    if not folder.is_dir():
        return []
    return sorted((path for path in folder.iterdir() if is_image(path)), key=natural_key)


def some_names(names: Iterable[object]) -> str:
    """How many there are and the first few, for an error's text."""
    listed = [str(name) for name in names]
    rest = len(listed) - _NUM_NAMED
    return ", ".join(listed[:_NUM_NAMED]) + (f" and {rest} more" if rest > 0 else "")


def read_rgb(path: Path) -> UInt8[Tensor, "3 H W"]:
    """The picture upright (EXIF honoured), in RGB of 8 bits whatever it is stored in.

    Raises:
        SourceError: It is missing, cut short, or no picture.
    """
    stored = _read_whole(path)
    bgr = cv2.imdecode(np.frombuffer(stored, np.uint8), cv2.IMREAD_COLOR)
    if bgr is None:
        raise SourceError(f"{path} is no picture that can be decoded; get a whole copy")
    rgb = np.ascontiguousarray(bgr[:, :, ::-1].transpose(2, 0, 1))  # 3 H W
    return torch.from_numpy(rgb)


def _read_whole(path: Path) -> bytes:
    try:
        stored = path.read_bytes()
    except OSError as fault:
        raise SourceError(f"{path} cannot be read: {fault.strerror}") from fault
    if not stored:
        raise SourceError(f"{path} is empty; get a whole copy")
    for start, ending in _ENDINGS.items():
        if stored.startswith(start) and ending not in stored[-4096:]:
            raise SourceError(f"{path} is cut short at {len(stored)} bytes; get a whole copy")
    return stored


def read_ids(path: Path) -> Integer[np.ndarray, "H W"]:
    """Label ids as stored: grey values of 8 or 16 bits, or indices of a palette.

    Raises:
        SourceError: It is missing, damaged, or has more than one channel.
    """
    from PIL import Image

    try:
        with Image.open(path) as picture:
            ids = np.asarray(picture)
    except (OSError, SyntaxError) as fault:
        raise SourceError(f"{path} is no label map that can be read: {fault}") from fault
    if ids.ndim != 2:
        raise SourceError(
            f"{path} has {ids.shape[-1]} channels where a label map has one; "
            "name the id maps, not the coloured ones"
        )
    return ids.astype(np.uint8) if ids.dtype == np.bool_ else ids


def size_hw_of(path: Path) -> tuple[int, int]:
    """Height and width by the file's header.

    Raises:
        SourceError: It is missing or no picture.
    """
    from PIL import Image

    try:
        with Image.open(path) as picture:
            return picture.height, picture.width
    except OSError as fault:
        raise SourceError(f"{path} is no picture that can be read: {fault}") from fault


def require_files(paths: Sequence[Path], *, root: Path, remedy: str) -> None:
    """Raise unless every file is there.

    Raises:
        SourceError: Some are not; names the first few and how many of how many.
    """
    missing = [path for path in paths if not path.is_file()]
    if missing:
        named = some_names(path.relative_to(root) for path in missing)
        raise SourceError(f"{root} lacks {len(missing)} of {len(paths)} files: {named}; {remedy}")
