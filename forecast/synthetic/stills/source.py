"""Short drives made from one annotated picture: a still set in motion by guessed geometry.

Ground is a plane below the camera, what stands on it stands upright where it meets the ground, sky
is far away, and cars and people may move of themselves. Real drives are annotated once a second;
this gives every moment between a label, at the price of plain geometry and of holes that are filled
with their surroundings. Promises the same bytes for the same still and seed. Axes: h w picture.
"""

from __future__ import annotations

import hashlib
from collections.abc import Container, Generator, Iterator, Sequence
from contextlib import closing, contextmanager

import numpy as np
import torch
from jaxtyping import Int64

from forecast.labels import CITYSCAPES, LabelSpace, lift_table
from forecast.stages import AnnotatedSource
from forecast.synthetic.stills.scene import Scene, scene_of
from forecast.values import Frame, Instant, LabelMap

VERSION = 1
"""Changes when the same still and seed would give other bytes."""


class StillDrive:
    """An annotated clip in which a camera drives into one annotated picture."""

    def __init__(
        self,
        source: AnnotatedSource,
        index: int,
        *,
        seed: int = 0,
        num_frames: int = 24,
        fps: float = 15.0,
        size_hw: tuple[int, int] = (256, 512),
    ) -> None:
        """Nothing is read yet.

        Args:
            source: Where the still is from.
            index: Which of its annotated frames.
            seed: Decides the ride and what moves, with the still's name.
            num_frames: Length; with every second more of the picture is guessed.
            fps: Frames a second.
            size_hw: Of the pictures made.
        """
        self._source, self._index, self._seed = source, index, seed
        self._num_frames, self._fps, self._size_hw = num_frames, fps, size_hw
        self._scene: Scene | None = None

    @property
    def clip(self) -> str:
        """The still's clip and index."""
        return f"{self._source.clip}_still_{self._index:06d}"

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
        parts = (VERSION, self._source.fingerprint, self._index, self._seed, self._num_frames)
        text = f"still {parts} {self._fps!r} {self._size_hw}"
        return hashlib.sha256(text.encode()).hexdigest()

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
        """Frames from first to last; with `only`, just those indices."""
        with closing(self._frames(only)) as frames:
            yield frames

    def _frames(self, only: Container[int] | None) -> Generator[Frame, None, None]:
        for index in range(self._num_frames):
            if only is None or index in only:
                rgb = self._opened().points.rgb[self._seen(index)].transpose(2, 0, 1)
                yield Frame(
                    at=self._instant(index), rgb=torch.from_numpy(np.ascontiguousarray(rgb))
                )

    def label_map(self, index: int) -> LabelMap:
        """What the still's annotation becomes; void stays void."""
        ids = self._opened().points.ids[self._seen(index)]
        return LabelMap(at=self._instant(index), space=CITYSCAPES, ids=torch.from_numpy(ids))

    def _instant(self, index: int) -> Instant:
        return Instant(clip=self.clip, index=index, pts_s=index / self._fps)

    def _seen(self, index: int) -> Int64[np.ndarray, "h w"]:
        return self._opened().seen(index, index / self._fps, self._size_hw)

    def _opened(self) -> Scene:
        if self._scene is None:
            digest = hashlib.sha256(f"{self.clip} {self._seed}".encode()).digest()
            noise = np.random.default_rng(int.from_bytes(digest[:8], "little"))
            with self._source.open(only={self._index}) as frames:
                rgb = next(iter(frames)).rgb
            label_map = self._source.label_map(self._index)
            table = np.asarray(lift_table(label_map.space, CITYSCAPES))
            ids = torch.from_numpy(table[label_map.ids.numpy()])
            self._scene = scene_of(rgb, ids, noise, num_frames=self._num_frames)
        return self._scene
