"""The sink that writes a recording; see `recording` for what lies where.

Promises that a recording cut off anywhere and resumed holds the same bytes as one that was not.
"""

from __future__ import annotations

from collections.abc import Sequence
from itertools import count
from pathlib import Path

import numpy as np
from jaxtyping import Float64

from forecast.errors import UsageError
from forecast.files import storage_faults
from forecast.labels import LabelSpace
from forecast.storage.epoch_store import EpochStore, read_progress, store_path
from forecast.storage.manifest import Manifest
from forecast.storage.recording import SCHEMA, SCHEMA_VERSION
from forecast.storage.rows import Row, arrays_of, row_of
from forecast.values import Step


def whole_shard(batch_size: int, at_least: int = 32) -> int:
    """Frames of a shard that holds whole micro-batches."""
    return batch_size * -(-at_least // batch_size)


class RecordingWriter:
    """A sink for one clip; each epoch goes to a store of its own.

    Steps that are committed already are passed over, so that a resumed run may begin earlier.
    """

    def __init__(
        self,
        folder: Path,
        *,
        manifest: Manifest,
        space: LabelSpace,
        horizons_s: Sequence[float],
        shard_frames: int = 32,
        soft: bool = False,
        resume: bool = False,
    ) -> None:
        """A new recording, or one to be gone on with.

        Args:
            folder: Made if there is none.
            manifest: What the arrays depend on.
            space: What labels mean.
            horizons_s: As asked for; forecasts of other horizons are not kept.
            shard_frames: Frames written at once; a multiple of the micro-batch's size.
            soft: Keep probabilities as well.
            resume: Go on with what the folder holds, if anything.

        Raises:
            UsageError: The folder holds a recording and `resume` is off, or its manifest differs.
            StorageError: The folder cannot be written.
        """
        self._folder = folder
        self._space = space
        self._horizons_s = tuple(horizons_s)
        self._shard_frames = shard_frames
        self._soft = soft
        self._store: EpochStore | None = None
        self._epoch = 0
        self._next_index = 0
        self._waiting: list[Row] = []
        self._served_s = np.full(len(self._horizons_s), np.nan)
        self._claim(manifest, resume=resume)
        self.num_committed = self._resumable()
        """Frames of all epochs that need not be made again; where none was dropped, the index of
        the first that is missing."""

    def _claim(self, manifest: Manifest, *, resume: bool) -> None:
        path = self._folder / "manifest.json"
        if path.exists() and not resume:
            raise UsageError(
                f"{self._folder} already holds a recording; pass --resume to go on with it or "
                "choose another folder"
            )
        if path.exists():
            manifest.check_same(path)
            return
        with storage_faults(self._folder):
            self._folder.mkdir(parents=True, exist_ok=True)
            manifest.save(path)

    def _resumable(self) -> int:
        num_whole = 0
        for epoch in count():
            path = store_path(self._folder, epoch)
            if not path.with_suffix(".progress.json").exists():
                break
            progress = read_progress(path)
            num_whole += progress["frames"]
            if not progress["complete"]:
                num_whole -= progress["frames"] % self._shard_frames
                break
        return num_whole

    def write(self, step: Step) -> None:
        """Keep one step; it is on disk once its shard is full or the recording closed.

        Raises:
            StorageError: The disk is full or gone.
        """
        at = step.frame.at
        if self._store is None or at.epoch != self._epoch:
            self.complete()
            self._open(step)
        if at.index < self._next_index:
            return
        self._waiting.append(row_of(step, self._horizons_s, soft=self._soft))
        if len(self._waiting) == self._shard_frames:
            self._commit()

    def close(self) -> None:
        """Commit the part of a shard that waits; what was kept is then readable."""
        if self._waiting:
            self._commit()

    def complete(self) -> None:
        """Close, and note that the source had ended: a resumed run has nothing to do."""
        self.close()
        if self._store is not None:
            self._store.mark_complete()

    def _open(self, step: Step) -> None:
        at = step.frame.at
        attributes = {
            "schema": SCHEMA,
            "version": SCHEMA_VERSION,
            "clip": at.clip,
            "epoch": at.epoch,
            "space": self._space.name,
            "classes": list(self._space.names),
            "void_id": self._space.void_id,
            "horizons_s": list(self._horizons_s),
            "shard_frames": self._shard_frames,
            "latency_stages": list(step.latency_ms),
        }
        self._store = EpochStore(
            store_path(self._folder, at.epoch),
            attributes=attributes,
            shard_frames=self._shard_frames,
        )
        self._epoch = at.epoch
        self._served_s = np.full(len(self._horizons_s), np.nan)
        last = self._store.last("index")
        self._next_index = 0 if last is None else int(last) + 1

    def _commit(self) -> None:
        assert self._store is not None
        rows, self._waiting = self._waiting, []
        void_id = self._space.void_id
        for row in rows:
            if not np.array_equal(
                merged := _merged(self._served_s, row), self._served_s, equal_nan=True
            ):
                self._served_s = merged
                self._store.put("forecast/served_s", merged)
        arrays = arrays_of(rows, void_id=void_id)
        self._store.commit(arrays, {"labels": void_id, "forecast/labels": void_id})
        self._next_index = rows[-1].at.index + 1


def _merged(served_s: Float64[np.ndarray, " S"], row: Row) -> Float64[np.ndarray, " S"]:
    return np.where(np.isnan(row.served_s), served_s, row.served_s)
