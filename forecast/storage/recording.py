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
from pathlib import Path
from typing import Any, cast

import numpy as np
import zarr
from jaxtyping import Float64, Int64, UInt8

from forecast.errors import OpenError, UsageError
from forecast.labels import LabelSpace, space_named
from forecast.storage.epoch_store import HASHED, read_progress, store_path

SCHEMA = "segmentation-forecast/recording"
SCHEMA_VERSION = 1


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

    def row_at(self, pts_s: float) -> int:
        """The row of the frame that was shown at a time: the last one not after it.

        Raises:
            UsageError: The recording begins later.
        """
        row = int(np.searchsorted(self.pts_s, pts_s + 1e-6, side="right")) - 1
        if row < 0:
            begin = f"{self.pts_s[0]:g} s" if self.num_frames else "nowhere: it is empty"
            raise UsageError(f"found no frame at {pts_s:g} s; the recording begins at {begin}")
        return row

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
