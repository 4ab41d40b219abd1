"""One step as a viewer needs it: the picture, labels now and at each horizon, on small grids.

Does not know networks, sockets or files. Axes: H W picture, h w grid.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

from jaxtyping import UInt8
from numpy import ndarray

from forecast.labels import LabelSpace
from forecast.live.verification import resized_nearest
from forecast.values import Instant, Segmentation, Step, likeliest

_WIDEST = 640


@dataclass(frozen=True, slots=True, kw_only=True)
class Snapshot:
    """What is, and what will be."""

    number: int
    """Rises by one with every snapshot of a channel."""
    at: Instant
    space: LabelSpace
    rgb: UInt8[ndarray, "H W 3"]
    now: UInt8[ndarray, "h w"]
    forecasts: Mapping[float, UInt8[ndarray, ...]]
    """Labels by horizon; each on its own grid, [h, w]."""
    served_s: Mapping[float, float]
    foreseen: Mapping[float, UInt8[ndarray, ...]]
    """What was forecast for this moment a horizon ago; [h, w]."""
    published_s: float
    """On `time.monotonic`."""


def labels_of(segmentation: Segmentation) -> UInt8[ndarray, "h w"]:
    """The likeliest class of every cell, on a grid no wider than a page needs."""
    if segmentation.probs is not None:
        labels = likeliest(segmentation.probs).cpu().numpy()
    else:
        assert segmentation.ids is not None
        labels = segmentation.ids.byte().cpu().numpy()
    height, width = labels.shape
    if width <= _WIDEST:
        return labels
    return resized_nearest(labels, (round(height * _WIDEST / width), _WIDEST))


def forecast_labels(step: Step) -> dict[float, tuple[float, UInt8[ndarray, "h w"]]]:
    """By horizon: the seconds ahead that are truly served, and the labels."""
    return {
        horizon_s: (one.served_s, one.labels.cpu().numpy())
        for horizon_s, one in step.forecast.items()
    }


def picture_of(step: Step) -> UInt8[ndarray, "H W 3"]:
    """The frame, as pictures are encoded."""
    return step.frame.rgb.permute(1, 2, 0).cpu().numpy()
