"""One step as somebody sees it: the picture, and labels on grids no larger than a screen needs.

Axes: H W picture, h w grid.
"""

from __future__ import annotations

from jaxtyping import UInt8
from numpy import ndarray

from forecast.geometry.deciding import grid_ids
from forecast.geometry.resize import resize_labels
from forecast.values import Segmentation, Step

_WIDEST = 640
"""Pixels; a page shows no wider picture."""


def labels_of(segmentation: Segmentation) -> UInt8[ndarray, "h w"]:
    """The likeliest class of every cell, on a grid no wider than a page needs."""
    labels = grid_ids(segmentation).byte().cpu().numpy()
    height, width = labels.shape
    if width <= _WIDEST:
        return labels
    return resize_labels(labels, (round(height * _WIDEST / width), _WIDEST))


def forecast_labels(step: Step) -> dict[float, tuple[float, UInt8[ndarray, "h w"]]]:
    """By horizon: the seconds ahead that are truly served, and the labels."""
    return {
        horizon_s: (one.served_s, one.labels.cpu().numpy())
        for horizon_s, one in step.forecast.items()
    }


def picture_of(step: Step) -> UInt8[ndarray, "H W 3"]:
    """The frame, as pictures are encoded."""
    return step.frame.rgb.permute(1, 2, 0).cpu().numpy()
