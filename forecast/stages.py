"""One Protocol for each stage of the pipeline; implement one to plug in your own.

Axes: B batch, T time, K classes, H W picture, h w grid.
"""

from __future__ import annotations

from collections.abc import Container, Iterator, Sequence
from contextlib import AbstractContextManager
from typing import Protocol, TypeGuard, runtime_checkable

from jaxtyping import Float
from torch import Tensor

from forecast.labels import LabelSpace
from forecast.values import Forecast, Frame, History, LabelMap, Needs, Segmentation, Step


@runtime_checkable
class FrameSource(Protocol):
    """Frames of one clip in presentation order."""

    @property
    def clip(self) -> str:
        """Name of the clip; unique within a run, safe as a file name."""
        ...

    @property
    def fps(self) -> float | None:
        """Nominal frames a second; None if only timestamps tell."""
        ...

    @property
    def num_frames(self) -> int | None:
        """How many frames there are; None if that is not known before the end."""
        ...

    @property
    def fingerprint(self) -> str:
        """Hash of the content, for the manifest of a recording."""
        ...

    def open(self, only: Container[int] | None = None) -> AbstractContextManager[Iterator[Frame]]:
        """Frames from first to last, on the CPU; with `only`, just those indices.

        Raises:
            SourceError: On entering if it cannot be opened; while iterating if decoding fails,
                after every frame that could be decoded.
        """
        ...


@runtime_checkable
class AnnotatedSource(FrameSource, Protocol):
    """A clip some of whose frames have true labels."""

    @property
    def space(self) -> LabelSpace:
        """What the annotation's ids mean."""
        ...

    @property
    def annotated(self) -> Sequence[int]:
        """Indices of annotated frames, rising."""
        ...

    def label_map(self, index: int) -> LabelMap:
        """The annotation of one frame.

        Raises:
            SourceError: The file is damaged or of another size than its picture.
        """
        ...


def is_annotated(source: FrameSource) -> TypeGuard[AnnotatedSource]:
    """Whether some of the source's frames have true labels.

    `isinstance` would read every property, and so hash the whole content, on Python 3.11.
    """
    return hasattr(type(source), "label_map")


@runtime_checkable
class Segmenter(Protocol):
    """Frames in, what every pixel is out."""

    @property
    def name(self) -> str:
        """What reports and logs call it."""
        ...

    @property
    def space(self) -> LabelSpace:
        """The classes it speaks of."""
        ...

    @property
    def fingerprint(self) -> str:
        """Hash of weights and settings, for the manifest of a recording."""
        ...

    def __call__(self, frames: Sequence[Frame]) -> Sequence[Segmentation]:
        """One segmentation for each frame, in order."""
        ...


@runtime_checkable
class Refiner(Protocol):
    """Improves a segmentation, perhaps from those before it."""

    @property
    def name(self) -> str:
        """What reports and logs call it."""
        ...

    @property
    def fingerprint(self) -> str:
        """Hash of weights and settings: part of the segmenter's in manifests and protocols."""
        ...

    @property
    def remembers(self) -> bool:
        """Whether a result depends on the frames before; then it must be shown every one."""
        ...

    def __call__(self, segmentation: Segmentation, frame: Frame) -> Segmentation:
        """The segmentation, improved."""
        ...

    def reset(self) -> None:
        """Forget the past: a new clip or epoch begins."""
        ...


@runtime_checkable
class FlowEstimator(Protocol):
    """Where each pixel came from.

    `moving[p + flow[p]]` looks like `reference[p]`; (dx, dy) in pixels of the frames given;
    pixel centres are whole numbers. Result on the CPU.
    """

    @property
    def name(self) -> str:
        """What reports and logs call it."""
        ...

    def __call__(self, reference: Frame, moving: Frame) -> Float[Tensor, "2 H W"]:
        """Backward flow from the reference into the moving frame."""
        ...


@runtime_checkable
class OneStep(Protocol):
    """An autoregressive network: the next soft map from the last few."""

    @property
    def name(self) -> str:
        """What reports and logs call it."""
        ...

    @property
    def space(self) -> LabelSpace:
        """The classes it speaks of."""
        ...

    @property
    def step_s(self) -> float:
        """Seconds from one map to the next."""
        ...

    @property
    def num_inputs(self) -> int:
        """T."""
        ...

    @property
    def grid_hw(self) -> tuple[int, int]:
        """Grid its maps live on."""
        ...

    def step(self, window: Float[Tensor, "B T K h w"]) -> Float[Tensor, "B K h w"]:
        """The map one stride after the window's last; fed back as it is, so never clamped."""
        ...


@runtime_checkable
class Predictor(Protocol):
    """Histories in, beliefs about the future out."""

    @property
    def name(self) -> str:
        """What reports and logs call it."""
        ...

    @property
    def space(self) -> LabelSpace | None:
        """The space it was made for; None if it forecasts in whatever space it is given."""
        ...

    @property
    def needs(self) -> Needs:
        """How much past it must be given."""
        ...

    @property
    def fingerprint(self) -> str:
        """Hash of weights and settings, for the manifest of a recording."""
        ...

    def predict(
        self, histories: Sequence[History], *, horizons_s: Sequence[float]
    ) -> Iterator[Forecast]:
        """One forecast for each history and each horizon it can serve, one at a time.

        Each names its origin and horizon. A horizon that the predictor cannot serve (a one-step
        network between two strides) is left out, never shifted.
        """
        ...


@runtime_checkable
class Sink(Protocol):
    """Takes steps in order and keeps them somewhere."""

    def write(self, step: Step) -> None:
        """Keep one step.

        Raises:
            StorageError: It could not be written.
        """
        ...

    def close(self) -> None:
        """Finalise what was kept, so that it opens and plays; safe to call twice."""
        ...
