"""Flow that is computed once for each pair of frames and kept on disk, for every epoch and process.

Promises the same flow on every asking: what is kept is what is handed out, in half precision.
Axes: N frames, H W picture.
"""

from __future__ import annotations

from pathlib import Path

import numpy as np
import torch
from jaxtyping import Float
from numpy.typing import NDArray
from torch import Tensor

from forecast.stages import FlowEstimator
from forecast.values import Frame

LEAST_FRAMES = 1024
"""Room is kept for clips of so many frames; what is not written takes up no disk."""

_Key = tuple[str, int, tuple[int, int]]


class StoredFlow:
    """Another estimator's flow between frames of clips whose names differ.

    Several processes may share a folder: two that miss the same pair both compute it, alike.

    Args:
        estimator: Asked for pairs that are not known yet.
        folder: Where flows are kept; delete it to forget them.
        num_frames: Length of the longest clip.
    """

    def __init__(self, estimator: FlowEstimator, folder: Path, *, num_frames: int = 0) -> None:
        self._estimator = estimator
        self._folder = folder / estimator.name
        self._most_frames = max(LEAST_FRAMES, num_frames)
        self._open: dict[_Key, tuple[NDArray[np.float16], NDArray[np.uint8]]] = {}

    @property
    def name(self) -> str:
        """That of the estimator within."""
        return self._estimator.name

    def __call__(self, reference: Frame, moving: Frame) -> Float[Tensor, "2 H W"]:
        """The flow of the pair."""
        index, lag = reference.at.index, reference.at.index - moving.at.index
        flows, known = self._arrays((reference.at.clip, lag, reference.size_hw))
        if not known[index]:
            flows[index] = self._estimator(reference, moving).numpy()
            known[index] = 1
        return torch.from_numpy(flows[index].astype(np.float32))

    def _arrays(self, key: _Key) -> tuple[NDArray[np.float16], NDArray[np.uint8]]:
        if key not in self._open:
            clip, lag, size_hw = key
            stem = f"{clip}.{lag}.{size_hw[0]}x{size_hw[1]}"
            shape = (self._most_frames, 2, *size_hw)
            self._folder.mkdir(parents=True, exist_ok=True)
            self._open[key] = (
                _file(self._folder / f"{stem}.flow", shape, np.dtype(np.float16)),
                _file(self._folder / f"{stem}.known", (self._most_frames,), np.dtype(np.uint8)),
            )
        return self._open[key]


def _file(path: Path, shape: tuple[int, ...], dtype: np.dtype) -> np.memmap:
    """A file of zeros, or what is there already; it takes up no more disk than was written."""
    with path.open("ab") as file:
        file.truncate(int(np.prod(shape)) * dtype.itemsize)
    return np.memmap(path, dtype=dtype, mode="r+", shape=shape)
