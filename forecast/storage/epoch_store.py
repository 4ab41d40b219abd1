"""One Zarr group of arrays that grow together by whole shards, and a count of what is committed.

Promises that rows up to the count are readable whatever happened after, and that the same rows
give the same bytes however often writing was cut off and taken up again.
Does not know what the arrays mean. T is the leading axis of every array.
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import zarr
from numpy.typing import NDArray
from zarr.codecs import ZstdCodec

from forecast.errors import OpenError
from forecast.files import replace_file, storage_faults

HASHED = ("pts_s", "index", "labels", "soft", "forecast/labels", "forecast/valid")
"""Arrays with a row for each frame that the same run makes again bit by bit."""

GROWING = (*HASHED, "latency_ms")
"""Every array with a row for each frame."""


class EpochStore:
    """Rows are added a shard at a time; the count beside the group is raised after each."""

    def __init__(self, path: Path, *, attributes: Mapping[str, Any], shard_frames: int) -> None:
        """The store at a path: begun if there is none, else cut back to its whole shards.

        Args:
            path: Of the group; the count lies beside it.
            attributes: Of the group, for a new one.
            shard_frames: Rows of a shard.
        """
        self._path = path
        self._shard_frames = shard_frames
        self.complete = False
        self.num_committed = 0
        with storage_faults(path):
            if _progress_path(path).exists():
                self._group = zarr.open_group(path, mode="r+")
                self._cut_back()
            else:
                self._group = zarr.open_group(path, mode="w", attributes=dict(attributes))
                self._count()

    def last(self, name: str) -> Any:
        """The last committed row of an array; None before any."""
        return self._array(name)[self.num_committed - 1] if self.num_committed else None

    def commit(self, rows: Mapping[str, NDArray[Any]], fill: Mapping[str, Any]) -> None:
        """Write rows after those committed, then raise the count.

        Args:
            rows: By array name, of equal length: a whole shard, or fewer for the last.
            fill: What an array holds where it was never written; 0 if not named.

        Raises:
            StorageError: The disk is full or gone; the count then stays.
        """
        start = self.num_committed
        assert start % self._shard_frames == 0, "rows were committed after a part of a shard"
        num_rows = len(next(iter(rows.values())))
        with storage_faults(self._path):
            for name, values in rows.items():
                self._write(name, values, start, fill.get(name, 0))
            self.num_committed = start + num_rows
            self._count()

    def put(self, name: str, values: NDArray[Any]) -> None:
        """Write an array that does not grow."""
        with storage_faults(self._path):
            self._group.create_array(name, data=values, overwrite=True)

    def mark_complete(self) -> None:
        """Note that the source ended: nothing is missing."""
        self.complete = True
        with storage_faults(self._path):
            self._count()

    def _write(self, name: str, values: NDArray[Any], start: int, fill: Any) -> None:
        shape = (start + len(values), *values.shape[1:])
        if name in self._group:
            array = self._array(name)
            array.resize(shape)
        else:
            row = values.ndim > 1
            array = self._group.create_array(
                name,
                shape=shape,
                dtype=values.dtype,
                chunks=(1 if row else self._shard_frames, *values.shape[1:]),
                shards=(self._shard_frames, *values.shape[1:]) if row else None,
                compressors=ZstdCodec(level=3),
                fill_value=fill,
            )
        array[start:] = values

    def _array(self, name: str) -> zarr.Array[Any]:
        array = self._group[name]
        assert isinstance(array, zarr.Array)
        return array

    def _cut_back(self) -> None:
        progress = read_progress(self._path)
        self.complete = bool(progress["complete"])
        self.num_committed = progress["frames"]
        if self.complete:
            return
        self.num_committed -= self.num_committed % self._shard_frames
        for name in GROWING:
            if name not in self._group:
                continue
            array = self._array(name)
            array.resize((min(self.num_committed, array.shape[0]), *array.shape[1:]))
        self._count()

    def _count(self) -> None:
        progress = {"frames": self.num_committed, "complete": self.complete}
        replace_file(_progress_path(self._path), json.dumps(progress).encode())


def store_path(folder: Path, epoch: int) -> Path:
    """Where the group of an epoch lies in a recording's folder."""
    return folder / f"epoch-{epoch:03}.zarr"


def _progress_path(path: Path) -> Path:
    return path.with_suffix(".progress.json")


def read_progress(path: Path) -> dict[str, int]:
    """Frames committed to the store at a path, and whether it is complete.

    Raises:
        OpenError: There is no such store, or its count is damaged.
    """
    try:
        progress = json.loads(_progress_path(path).read_text())
        return {"frames": int(progress["frames"]), "complete": int(progress["complete"])}
    except (OSError, ValueError, KeyError, TypeError) as fault:
        raise OpenError(
            f"{path.parent} holds no readable recording ({_progress_path(path).name} is missing or "
            "damaged); name the folder that `forecast process` wrote"
        ) from fault
