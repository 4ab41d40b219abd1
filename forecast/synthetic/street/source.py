"""A rendered street as an annotated clip, with the truth that no camera gives.

Promises the same bytes for the same seed, and that asking for one frame never needs another.
Axes: H W picture.
"""

from __future__ import annotations

import hashlib
from collections import OrderedDict
from collections.abc import Container, Generator, Iterator, Sequence
from contextlib import closing, contextmanager

import numpy as np
import torch
from jaxtyping import Bool, Float, Int32
from numpy.typing import NDArray
from torch import Tensor

from forecast.errors import UsageError
from forecast.labels import CITYSCAPES, LABEL_ID_OF_TRAIN_ID, LabelSpace
from forecast.synthetic.street.correspondence import backward_flow, seen_before
from forecast.synthetic.street.world import View, World
from forecast.values import Frame, Instant, LabelMap

RENDERER_VERSION = 1
"""Changes when the same seed would give other bytes."""
_KEPT_VIEWS = 3


class StreetSource:
    """An annotated clip of a rendered street; every frame has exact labels in train ids."""

    def __init__(
        self,
        *,
        seed: int,
        num_frames: int = 30,
        size_hw: tuple[int, int] = (256, 512),
        fps: float = 17.0,
        clip: str | None = None,
    ) -> None:
        if seed < 0 or num_frames < 1 or min(size_hw) < 16 or fps <= 0:
            raise UsageError(
                f"a street of seed {seed}, {num_frames} frames, {size_hw[0]}x{size_hw[1]} pixels "
                f"at {fps:g} fps cannot be; the seed must be at least 0, frames at least 1, "
                "each side at least 16, fps above 0"
            )
        self._seed, self._num_frames, self._size_hw, self._fps = seed, num_frames, size_hw, fps
        self._clip = clip or f"street_{seed:06d}"
        self._world: World | None = None
        self._views: OrderedDict[int, View] = OrderedDict()

    @property
    def clip(self) -> str:
        """Its name."""
        return self._clip

    @property
    def fps(self) -> float:
        """Frames a second."""
        return self._fps

    @property
    def num_frames(self) -> int:
        """Length of the clip."""
        return self._num_frames

    @property
    def size_hw(self) -> tuple[int, int]:
        """Height and width in pixels."""
        return self._size_hw

    @property
    def fingerprint(self) -> str:
        """Hash of all that the bytes follow from."""
        text = f"street {RENDERER_VERSION} {self._seed} {self._num_frames} {self._size_hw} "
        return hashlib.sha256(f"{text}{self._fps!r}".encode()).hexdigest()

    @property
    def space(self) -> LabelSpace:
        """Cityscapes train ids."""
        return CITYSCAPES

    @property
    def annotated(self) -> Sequence[int]:
        """Every frame."""
        return range(self._num_frames)

    @contextmanager
    def open(self, only: Container[int] | None = None) -> Generator[Iterator[Frame], None, None]:
        """Frames from first to last; with `only`, just those indices, the others not rendered."""
        with closing(self._frames(only)) as frames:
            yield frames

    def _frames(self, only: Container[int] | None) -> Generator[Frame, None, None]:
        for index in range(self._num_frames):
            if only is None or index in only:
                yield self.frame(index)

    def frame(self, index: int) -> Frame:
        """One frame."""
        rgb = torch.from_numpy(np.ascontiguousarray(self._view(index).rgb.transpose(2, 0, 1)))
        return Frame(at=self._instant(index), rgb=rgb)

    def label_map(self, index: int) -> LabelMap:
        """What every pixel of a frame truly is."""
        ids = torch.from_numpy(self._view(index).labels.copy())
        return LabelMap(at=self._instant(index), space=CITYSCAPES, ids=ids)

    def flow(self, index: int, *, lag: int = 1) -> Float[Tensor, "2 H W"]:
        """Where each pixel was `lag` frames before: `earlier[p + flow[p]]` is what `this[p]` shows.

        Exact also where that point was hidden or outside the picture: see `visible`.

        Raises:
            UsageError: That lies before the first frame.
        """
        return torch.from_numpy(self._flow(index, lag).transpose(2, 0, 1).astype(np.float32))

    def visible(self, index: int) -> Bool[Tensor, "H W"]:
        """Where the frame before shows the same surface at the nearest pixel.

        False at disocclusions, where the point was outside the picture, and where it lies so near
        its surface's outline that the nearest pixel shows another.

        Raises:
            UsageError: Index 0 has no frame before it.
        """
        flow = self._flow(index)
        return torch.from_numpy(seen_before(self._view(index), self._view(index - 1), flow))

    def instance_ids(self, index: int) -> Int32[Tensor, "H W"]:
        """Cityscapes' instance ids: label id x 1000 + which one for what moves, else label id."""
        view = self._view(index)
        label_ids = LABEL_ID_OF_TRAIN_ID[view.labels].astype(np.int32)
        moving = np.isin(view.labels, CITYSCAPES.moving_ids)
        ids = np.where(moving, label_ids * 1000 + view.instances[view.surface], label_ids)
        return torch.from_numpy(ids.astype(np.int32))

    def _instant(self, index: int) -> Instant:
        return Instant(clip=self._clip, index=index, pts_s=index / self._fps)

    def _opened(self) -> World:
        if self._world is None:
            self._world = World(
                seed=self._seed,
                num_frames=self._num_frames,
                size_hw=self._size_hw,
                fps=self._fps,
            )
        return self._world

    def _view(self, index: int) -> View:
        if not 0 <= index < self._num_frames:
            raise UsageError(
                f"{self._clip} has no frame {index}; its frames are 0 to {self._num_frames - 1}"
            )
        if index not in self._views:
            self._views[index] = self._opened().view(index)
            if len(self._views) > _KEPT_VIEWS:
                self._views.popitem(last=False)
        self._views.move_to_end(index)
        return self._views[index]

    def _flow(self, index: int, lag: int = 1) -> NDArray[np.float64]:
        if index < lag:
            raise UsageError(
                f"{self._clip} has no frame {lag} before frame {index}; flow begins at frame {lag}"
            )
        before = self._opened().homographies(window=index, index=index - lag)
        return backward_flow(self._view(index), before)


def street_snippets(
    num_snippets: int,
    *,
    first_seed: int,
    size_hw: tuple[int, int] = (256, 512),
    num_frames: int = 30,
) -> Iterator[StreetSource]:
    """Streets numbered from 0 as Cityscapes numbers its snippets; number n has seed first_seed + n.

    Each is let go of before the next is built, since a street that was looked at holds its world.
    """
    for number in range(num_snippets):
        yield StreetSource(
            seed=first_seed + number,
            num_frames=num_frames,
            size_hw=size_hw,
            clip=f"street_{number:06d}",
        )
