"""The embedded sample: a few seconds of a rendered street that ship with the library.

Promises that it opens without a download, and that every frame has true labels.
`data/make_sample.py` makes its files. Axes: T frames, H W picture.
"""

from __future__ import annotations

from collections.abc import Container, Generator, Iterator, Sequence
from contextlib import contextmanager
from functools import cached_property
from importlib.resources import as_file, files

import numpy as np
import torch
from numpy.typing import NDArray

from forecast.errors import SourceError
from forecast.labels import CITYSCAPES, LabelSpace
from forecast.sources.video import VideoSource
from forecast.values import Frame, Instant, LabelMap

CLIP = "sample"
FPS = 17.0
VIDEO_NAME, LABELS_NAME = "street.mp4", "street_labels.npz"


class SampleSource:
    """An annotated clip: a bend, a zebra, people crossing, the car braking to a halt."""

    @property
    def clip(self) -> str:
        """Its name."""
        return CLIP

    @property
    def fps(self) -> float:
        """Frames a second."""
        return FPS

    @property
    def num_frames(self) -> int:
        """Length of the clip."""
        return len(self._labels)

    @property
    def fingerprint(self) -> str:
        """Hash of the video."""
        return self._content

    @cached_property
    def _content(self) -> str:
        with as_file(files("forecast") / "sample" / VIDEO_NAME) as path:
            return VideoSource(path, clip=CLIP).fingerprint

    @property
    def space(self) -> LabelSpace:
        """Cityscapes train ids."""
        return CITYSCAPES

    @property
    def annotated(self) -> Sequence[int]:
        """Every frame."""
        return range(self.num_frames)

    @contextmanager
    def open(self, only: Container[int] | None = None) -> Generator[Iterator[Frame], None, None]:
        """Frames from first to last; with `only`, just those indices."""
        with (
            as_file(files("forecast") / "sample" / VIDEO_NAME) as path,
            VideoSource(path, clip=CLIP).open(only) as frames,
        ):
            yield frames

    def label_map(self, index: int) -> LabelMap:
        """The true class of every pixel of a frame.

        Raises:
            SourceError: There is no such frame, or the installed sample is damaged.
        """
        if not 0 <= index < self.num_frames:
            raise SourceError(
                f"the sample has no frame {index}; its frames are 0 to {self.num_frames - 1}"
            )
        at = Instant(clip=CLIP, index=index, pts_s=index / FPS)
        return LabelMap(at=at, space=CITYSCAPES, ids=torch.from_numpy(self._labels[index].copy()))

    @cached_property
    def _labels(self) -> NDArray[np.uint8]:
        """Train ids [T, H, W]."""
        try:
            with (
                (files("forecast") / "sample" / LABELS_NAME).open("rb") as stream,
                np.load(stream, allow_pickle=False) as stored,
            ):
                return stored["train_ids"]
        except (OSError, ValueError, KeyError) as fault:
            raise SourceError(
                f"the sample's {LABELS_NAME} cannot be read: {fault}; install the package again"
            ) from fault
