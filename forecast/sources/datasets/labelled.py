"""Picture sequences some of whose frames have a label file beside them.

Promises ids of the stated space only: whatever the table does not know is void.
Does not know any data set's layout. Axes: H W picture.
"""

from __future__ import annotations

import hashlib
from collections.abc import Callable, Container, Iterator, Mapping
from contextlib import AbstractContextManager
from functools import cached_property
from pathlib import Path

import numpy as np
import torch
from numpy.typing import NDArray

from forecast.errors import SourceError
from forecast.labels import LabelSpace
from forecast.sources.hashing import content_hash
from forecast.sources.images import ImageSource
from forecast.sources.pictures import read_ids, size_hw_of
from forecast.values import Frame, LabelMap


class LabelledImages:
    """One sequence of pictures with annotations."""

    def __init__(
        self,
        pictures: ImageSource,
        labels: Mapping[int, Path],
        *,
        space: LabelSpace,
        table: NDArray[np.integer],
        read: Callable[[Path], NDArray[np.integer]] = read_ids,
    ) -> None:
        """Joins pictures and label files; nothing is read yet.

        Args:
            pictures: The frames.
            labels: Label file of each annotated index.
            space: What the ids mean once they are looked up.
            table: Ids of `space`, one for each value that a file may hold.
            read: What a label file holds, [H, W]; grey values or indices of a palette if not told.
        """
        self.pictures = pictures
        self._labels = {index: labels[index] for index in sorted(labels)}
        self._space = space
        self._table = table
        self._read = read

    @property
    def clip(self) -> str:
        """Name of the clip."""
        return self.pictures.clip

    @property
    def fps(self) -> float | None:
        """Frames a second."""
        return self.pictures.fps

    @property
    def num_frames(self) -> int:
        """How many pictures there are."""
        return self.pictures.num_frames

    @property
    def fingerprint(self) -> str:
        """Hash of every picture, its time, and every annotation."""
        return self._content

    @cached_property
    def _content(self) -> str:
        parts = f"{self.pictures.fingerprint} {content_hash(self._labels.values())}"
        return hashlib.sha256(parts.encode()).hexdigest()

    @property
    def space(self) -> LabelSpace:
        """What the annotation's ids mean."""
        return self._space

    @property
    def annotated(self) -> tuple[int, ...]:
        """Indices of annotated frames, rising."""
        return tuple(self._labels)

    def open(self, only: Container[int] | None = None) -> AbstractContextManager[Iterator[Frame]]:
        """Frames from first to last, as `ImageSource.open` yields them."""
        return self.pictures.open(only)

    def label_map(self, index: int) -> LabelMap:
        """The annotation of one frame.

        Raises:
            SourceError: The file is damaged or of another size than its picture.
        """
        stored = self.stored_ids(index, self._labels[index])
        if int(stored.max(initial=0)) >= len(self._table):
            raise SourceError(
                f"{self._labels[index]} holds id {int(stored.max())} where class ids end at "
                f"{len(self._table) - 1}; name the class ids, not the instance ids"
            )
        ids = torch.from_numpy(self._table[stored])
        return LabelMap(at=self.pictures.instant(index), space=self._space, ids=ids)

    def stored_ids(self, index: int, path: Path) -> NDArray[np.integer]:
        """What a label file of that frame holds, as it is.

        Raises:
            SourceError: The file is damaged or of another size than its picture.
        """
        stored = self._read(path)
        size_hw = size_hw_of(self.pictures.paths[index])
        if stored.shape != size_hw:
            raise SourceError(
                f"{path} is {stored.shape[1]}x{stored.shape[0]} where its picture is "
                f"{size_hw[1]}x{size_hw[0]}; annotations must have their picture's size"
            )
        return stored
