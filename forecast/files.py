"""Files that are whole or absent, and faults of the disk in one line.

Does not know what is in a file.
"""

from __future__ import annotations

import errno
import os
from collections.abc import Generator
from contextlib import contextmanager
from pathlib import Path
from typing import BinaryIO

from forecast.errors import StorageError

_ADVICE = {
    errno.ENOSPC: "free some space, then go on with --resume or choose another folder",
    errno.EDQUOT: "your quota is used up: free some space or choose another folder",
    errno.EACCES: "choose a folder that you may write to",
    errno.EROFS: "choose a folder that is not read-only",
}


@contextmanager
def storage_faults(path: Path) -> Generator[None]:
    """Turns faults of the operating system into one line that names the output.

    Raises:
        StorageError: The body raised OSError, or a library's error that carries an errno.
    """
    try:
        yield
    except Exception as fault:
        number = getattr(fault, "errno", None)
        if not isinstance(fault, OSError) and not isinstance(number, int):
            raise
        found = os.strerror(number) if isinstance(number, int) and number > 0 else str(fault)
        advice = _ADVICE.get(number or 0, "check the folder and its disk, then try again")
        raise StorageError(f"{path} cannot be written: {found}; {advice}") from fault


def replace_file(path: Path, content: bytes) -> None:
    """The file with this content; a reader or a crash sees the old one or the new one, whole."""
    with replacing(path) as file:
        file.write(content)


@contextmanager
def replacing(path: Path) -> Generator[BinaryIO]:
    """A file to write that takes the place of `path` once the body is done, and only then.

    Synchronised before it is renamed: else a machine that loses power may keep the new name and
    none of the content.
    """
    partial = path.with_name(f".{path.name}.partial")
    try:
        with partial.open("wb") as file:
            yield file
            file.flush()
            os.fsync(file.fileno())
        partial.replace(path)
    except BaseException:
        partial.unlink(missing_ok=True)
        raise
