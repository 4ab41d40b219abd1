"""Fingerprints of files: their content hashed in pieces, so that size does not matter."""

from __future__ import annotations

import hashlib
from collections.abc import Iterable
from pathlib import Path

from forecast.errors import SourceError

_PIECE_BYTES = 1 << 20


def content_hash(paths: Iterable[Path]) -> str:
    """SHA-256 of the files' contents and lengths, in order.

    Raises:
        SourceError: One cannot be read.
    """
    digest = hashlib.sha256()
    for path in paths:
        try:
            with path.open("rb") as stream:
                digest.update(f"{path.stat().st_size}\n".encode())
                while piece := stream.read(_PIECE_BYTES):
                    digest.update(piece)
        except OSError as fault:
            raise SourceError(f"{path} cannot be read: {fault.strerror}") from fault
    return digest.hexdigest()
