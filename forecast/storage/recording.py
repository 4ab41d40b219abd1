"""A recording: what was seen and what was forecast, as Zarr arrays that outlive a crash.

    FOLDER/manifest.json                 what it was made from and with
    FOLDER/epoch-000.zarr                one group for each epoch of the clip
        pts_s, index                     [T]        time and source index of each frame
        labels                           [T H W]    what every pixel of the picture is
        soft                             [T K h w]  on request: probabilities * 255, rounded
        forecast/labels                  [T S h w]  by origin and horizon, on the predictor's grid
        forecast/valid                   [T S]      whether there was a forecast
        forecast/served_s                [S]        the time ahead that each is for
        latency_ms                       [T stages] not part of the content hash
    FOLDER/epoch-000.progress.json       frames committed, and whether the source had ended

Promises that a recording cut off anywhere and resumed holds the same bytes as one that was not.
Axes: T frames, S horizons, K classes, H W picture, h w grid.
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Sequence
from itertools import count
from pathlib import Path
from typing import Any, cast

import numpy as np
import zarr
from jaxtyping import Float64, Int64, UInt8

from forecast.errors import OpenError, UsageError
from forecast.files import storage_faults
from forecast.labels import LabelSpace, space_named
from forecast.storage.epoch_store import HASHED, EpochStore, read_progress, store_path
from forecast.storage.manifest import Manifest
from forecast.storage.rows import Row, arrays_of, row_of
from forecast.values import Step

SCHEMA = "segmentation-forecast/recording"
SCHEMA_VERSION = 1


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


class Recording:
    """Reads one epoch of a recording; also one that was cut off or is still being written."""

    def __init__(self, folder: Path, *, epoch: int = 0) -> None:
        """Open it.

        Raises:
            OpenError: The folder holds no recording, or one of another schema.
        """
        path = store_path(folder, epoch)
        progress = read_progress(path)
        self.num_frames = progress["frames"]
        """Frames that were committed."""
        self.complete = bool(progress["complete"])
        """Whether the source had ended."""
        self._group = zarr.open_group(path, mode="r")
        self.attributes = dict(self._group.attrs)
        found = (self.attributes.get("schema"), self.attributes.get("version"))
        if found != (SCHEMA, SCHEMA_VERSION):
            raise OpenError(
                f"{path} has schema {found[0]} version {found[1]}; this release reads {SCHEMA} "
                f"version {SCHEMA_VERSION}"
            )

    @property
    def space(self) -> LabelSpace:
        """What labels mean."""
        return space_named(str(self.attributes["space"]))

    @property
    def horizons_s(self) -> tuple[float, ...]:
        """As they were asked for."""
        return tuple(cast("list[float]", self.attributes["horizons_s"]))

    @property
    def served_s(self) -> Float64[np.ndarray, " S"]:
        """The time ahead that each horizon is for; NaN where nothing was forecast."""
        if "forecast/served_s" in self._group:
            return np.asarray(self._array("forecast/served_s")[:])
        return np.full(len(self.horizons_s), np.nan)

    @property
    def pts_s(self) -> Float64[np.ndarray, " T"]:
        """Time of every committed frame."""
        if not self.num_frames:
            return np.zeros(0)
        return np.asarray(self._array("pts_s")[: self.num_frames])

    @property
    def index(self) -> Int64[np.ndarray, " T"]:
        """Source index of every committed frame."""
        if not self.num_frames:
            return np.zeros(0, np.int64)
        return np.asarray(self._array("index")[: self.num_frames])

    @property
    def has_soft(self) -> bool:
        """Whether probabilities were kept."""
        return "soft" in self._group

    @property
    def labels(self) -> zarr.Array[Any]:
        """[T H W], read where it is indexed; rows from `num_frames` on are not to be relied on."""
        return self._array("labels")

    @property
    def soft(self) -> zarr.Array[Any]:
        """[T K h w], probabilities * 255; KeyError if they were not kept."""
        return self._array("soft")

    def forecast(self, index: int, horizon_s: float) -> UInt8[np.ndarray, "h w"] | None:
        """The labels forecast from a row's frame; None where there is no forecast.

        Raises:
            UsageError: That horizon was not asked for.
        """
        if horizon_s not in self.horizons_s:
            known = ", ".join(f"{one:g}" for one in self.horizons_s)
            raise UsageError(f"the recording has no horizon {horizon_s:g} s; it has {known}")
        place = self.horizons_s.index(horizon_s)
        if not self._array("forecast/valid")[index, place]:
            return None
        return np.asarray(self._array("forecast/labels")[index, place])

    def content_hash(self) -> str:
        """Hash of every committed row and of what it means; latencies are left out."""
        digest = hashlib.sha256(json.dumps(self.attributes, sort_keys=True).encode())
        digest.update(self.served_s.tobytes())
        shard_frames = int(cast("int", self.attributes["shard_frames"]))
        for name in HASHED:
            if name not in self._group:
                continue
            array = self._array(name)
            digest.update(f"{name} {array.dtype} {array.shape[1:]}".encode())
            for start in range(0, self.num_frames, shard_frames):
                rows = array[start : min(start + shard_frames, self.num_frames)]
                digest.update(np.ascontiguousarray(rows).tobytes())
        return digest.hexdigest()

    def _array(self, name: str) -> zarr.Array[Any]:
        array = self._group[name]
        assert isinstance(array, zarr.Array)
        return array
