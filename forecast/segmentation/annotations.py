"""True labels in a segmenter's place: what a perfect segmenter would have seen."""

from __future__ import annotations

from collections.abc import Sequence

from forecast.errors import UsageError
from forecast.geometry.void import fill_void
from forecast.labels import LabelSpace
from forecast.stages import AnnotatedSource
from forecast.values import Frame, Segmentation


class AnnotationSegmenter:
    """The annotation of each frame, its void filled with the nearest labelled class."""

    def __init__(self, clip: AnnotatedSource) -> None:
        self._clip = clip
        self._annotated = frozenset(clip.annotated)

    @property
    def name(self) -> str:
        """How reports call this input."""
        return "annotations"

    @property
    def space(self) -> LabelSpace:
        """The data set's own classes."""
        return self._clip.space

    @property
    def fingerprint(self) -> str:
        """Nothing is learnt here: the name says all."""
        return self.name

    def __call__(self, frames: Sequence[Frame]) -> Sequence[Segmentation]:
        """True labels at picture size.

        Raises:
            UsageError: A frame has no annotation.
        """
        return [self._segmented(frame) for frame in frames]

    def _segmented(self, frame: Frame) -> Segmentation:
        if frame.at.index not in self._annotated:
            raise UsageError(
                f"{self._clip.clip}: frame {frame.at.index} has no annotation, and with "
                "--segmenter annotations every input needs one; name a network with --segmenter"
            )
        labels = self._clip.label_map(frame.at.index)
        filled = fill_void(labels.ids, labels.space.void_id)
        return Segmentation(at=frame.at, space=labels.space, size_hw=frame.size_hw, ids=filled)
