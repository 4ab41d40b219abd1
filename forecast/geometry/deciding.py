"""The one place that turns a segmentation or a forecast into labels.

`labels_at` decides at a size of the picture's own, `picture_labels` at the picture's, `seen_labels`
in another label space, `grid_ids` and `grid_labels` on the network's grid.
Axes: K classes, h w grid, H W picture.
"""

from __future__ import annotations

from collections.abc import Iterator
from functools import lru_cache
from typing import Any

import cv2
import numpy as np
import torch
from jaxtyping import Float, UInt8, UInt16
from numpy.typing import NDArray
from torch import Tensor

from forecast.geometry.spaces import collapse_probs
from forecast.labels import LabelSpace, collapse_table
from forecast.values import Forecast, Segmentation, likeliest

Labels = UInt8[np.ndarray, "H W"] | UInt16[np.ndarray, "H W"]
"""Class ids of every pixel."""


def labels_at(
    probs: Float[Tensor, "K h w"], size_hw: tuple[int, int]
) -> UInt8[Tensor, "H W"] | UInt16[Tensor, "H W"]:
    """The likeliest class of every pixel: probabilities bilinear, then arg-max.

    Goes class by class, so that it holds two maps of the picture's size and never K of them
    (19 classes at 1024x2048 would be 159 MB). Where the grid is finer than the picture it is
    averaged by area, as in `resize_probs`.

    Args:
        probs: Class probabilities on any grid and device.
        size_hw: The picture's height and width.

    Returns:
        Class ids, on the CPU; of two equal classes the first.
    """
    planes = planes_at(probs, size_hw)
    best = next(planes).copy()
    labels = np.zeros(size_hw, np.uint8 if len(probs) <= 255 else np.uint16)
    for index, rival in enumerate(planes, start=1):
        np.putmask(labels, rival > best, index)
        np.maximum(best, rival, out=best)
    return torch.from_numpy(labels)


def planes_at(
    probs: Float[Tensor, "K h w"], size_hw: tuple[int, int]
) -> Iterator[NDArray[np.float32]]:
    """The probability of one class after the other at a size, [H, W], as `labels_at` sees them."""
    for one in probs.float().cpu().numpy():
        yield _fitted(one, size_hw)


def _fitted(one: NDArray[np.float32], size_hw: tuple[int, int]) -> NDArray[np.float32]:
    height, width = min(one.shape[0], size_hw[0]), min(one.shape[1], size_hw[1])
    fitted: NDArray[Any] = one
    if (height, width) != one.shape:
        fitted = cv2.resize(fitted, (width, height), interpolation=cv2.INTER_AREA)
    if (height, width) != size_hw:
        fitted = cv2.resize(fitted, size_hw[::-1], interpolation=cv2.INTER_LINEAR)
    return fitted


@lru_cache(maxsize=1)
def picture_labels(segmentation: Segmentation) -> Labels:
    """What every pixel is. Kept for the next sink that asks: do not write to it."""
    if segmentation.ids is not None:
        return segmentation.ids.cpu().numpy()
    return labels_at(segmentation.belief, segmentation.size_hw).numpy()


def seen_labels(segmentation: Segmentation, space: LabelSpace) -> Labels:
    """What every pixel is, in the classes of another space.

    Raises:
        UsageError: No mapping is known between the two spaces.
    """
    if segmentation.space == space:
        return picture_labels(segmentation)
    if segmentation.ids is not None:
        return collapse_table(segmentation.space, space)[segmentation.ids.cpu().numpy()]
    probs = collapse_probs(segmentation.belief, segmentation.space, space)
    return labels_at(probs, segmentation.size_hw).numpy()


def grid_ids(segmentation: Segmentation) -> UInt8[Tensor, "h w"] | UInt16[Tensor, "h w"]:
    """The likeliest class of every cell of the segmenter's own grid, on its device."""
    return segmentation.ids if segmentation.ids is not None else likeliest(segmentation.belief)


@lru_cache(maxsize=4)
def grid_labels(forecast: Forecast) -> UInt8[np.ndarray, "h w"] | UInt16[np.ndarray, "h w"]:
    """What every grid cell will be. Kept for the next sink that asks: do not write to it."""
    return forecast.labels.cpu().numpy()
