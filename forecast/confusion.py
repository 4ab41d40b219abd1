"""Counts of target against prediction, and the scores that follow from them.

Promises the counts of cityscapesscripts: row = target, column = prediction, void targets left out.
One matrix is pooled over a whole set; sums of confusions are confusions.
Axes: K classes, H W picture, N origins.
"""

from __future__ import annotations

import warnings
from collections.abc import Sequence

import cv2
import numpy as np
from jaxtyping import Bool, Float, Int64, UInt8, UInt16
from numpy.typing import NDArray

from forecast.errors import UsageError
from forecast.labels import LabelSpace

_EXACT_PIXELS = 1 << 24
"""calcHist returns float32, which counts exactly up to here."""


def confusion(
    target_ids: UInt8[np.ndarray, "H W"] | UInt16[np.ndarray, "H W"],
    predicted_ids: UInt8[np.ndarray, "H W"] | UInt16[np.ndarray, "H W"],
    space: LabelSpace,
) -> Int64[np.ndarray, "K K"]:
    """Number of pixels of each target class that were called each class.

    Args:
        target_ids: What is there; pixels of the space's void id do not count.
        predicted_ids: What was said; a class on every pixel that counts.
        space: Gives K and void.

    Raises:
        UsageError: A pixel that counts has an id that is no class of the space.
    """
    if target_ids.dtype == np.uint8 and predicted_ids.dtype == np.uint8:
        counts = _count_bytes(target_ids, predicted_ids, space.num_classes)
    else:
        counts = _count_wide(target_ids, predicted_ids, space.num_classes)
    if counts.sum() != np.count_nonzero(target_ids != space.void_id):
        raise UsageError(_stray(target_ids, predicted_ids, space))
    return counts


def _count_bytes(
    target_ids: NDArray[np.uint8], predicted_ids: NDArray[np.uint8], num_classes: int
) -> NDArray[np.int64]:
    rows = max(1, _EXACT_PIXELS // target_ids.shape[1])
    counts = np.zeros((num_classes, num_classes), np.int64)
    for top in range(0, target_ids.shape[0], rows):
        pair = [
            np.ascontiguousarray(target_ids[top : top + rows]),
            np.ascontiguousarray(predicted_ids[top : top + rows]),
        ]
        bounds = [0, num_classes, 0, num_classes]
        counts += cv2.calcHist(pair, [0, 1], None, [num_classes, num_classes], bounds).astype(
            np.int64
        )
    return counts


def _count_wide(
    target_ids: NDArray[np.integer], predicted_ids: NDArray[np.integer], num_classes: int
) -> NDArray[np.int64]:
    target, predicted = target_ids.astype(np.int64), predicted_ids.astype(np.int64)
    inside = (target < num_classes) & (predicted < num_classes)
    codes = target[inside] * num_classes + predicted[inside]
    counts = np.bincount(codes, minlength=num_classes * num_classes)
    return counts.reshape(num_classes, num_classes).astype(np.int64)


def _stray(
    target_ids: NDArray[np.integer], predicted_ids: NDArray[np.integer], space: LabelSpace
) -> str:
    counted = target_ids != space.void_id
    last = space.num_classes - 1
    name, ids = "target", target_ids
    if not (counted & (target_ids > last)).any():
        name, ids = "prediction", predicted_ids
    strays = np.unique(ids[counted & (ids > last)])
    listed = ", ".join(str(one) for one in strays[:5])
    return (
        f"the {name} holds id {listed} on pixels that count; {space.name} has classes 0 to {last} "
        f"and void {space.void_id}; convert the labels to that space"
    )


def only_where(
    ids: UInt8[np.ndarray, "H W"] | UInt16[np.ndarray, "H W"],
    mask: Bool[np.ndarray, "H W"],
    space: LabelSpace,
) -> UInt8[np.ndarray, "H W"] | UInt16[np.ndarray, "H W"]:
    """Labels with everything outside the mask made void, so that it does not count."""
    return np.where(mask, ids, ids.dtype.type(space.void_id))


def parts(
    confusions: Int64[np.ndarray, "*N K K"],
) -> tuple[Float[np.ndarray, "*N K"], Float[np.ndarray, "*N K"]]:
    """Intersection and union of every class; all that IoU needs, and additive like the counts."""
    hits = np.diagonal(confusions, axis1=-2, axis2=-1).astype(np.float64)
    rows, columns = confusions.sum(axis=-1), confusions.sum(axis=-2)
    return hits, rows + columns - hits


def ratio(
    intersection: Float[np.ndarray, "*N K"], union: Float[np.ndarray, "*N K"]
) -> Float[np.ndarray, "*N K"]:
    """IoU of every class; NaN only where TP + FP + FN = 0."""
    undefined = np.full(union.shape, np.nan)
    return np.divide(intersection, union, out=undefined, where=union > 0)


def iou(confusion: Int64[np.ndarray, "*N K K"]) -> Float[np.ndarray, "*N K"]:
    """IoU of every class; NaN only where TP + FP + FN = 0."""
    return ratio(*parts(confusion))


def mean_over(
    values: Float[np.ndarray, "*N K"], ids: Sequence[int] | None = None
) -> Float[np.ndarray, "*N"]:
    """Mean over the defined classes, or over those of `ids`; NaN where none is defined."""
    chosen = values if ids is None else values[..., list(ids)]
    with warnings.catch_warnings():
        warnings.filterwarnings("ignore", "Mean of empty slice", RuntimeWarning)
        return np.asarray(np.nanmean(chosen, axis=-1))


def mean_iou(confusion: Int64[np.ndarray, "K K"]) -> float:
    """Mean IoU over the defined classes, as a fraction; NaN where nothing counted."""
    return float(mean_over(iou(confusion)))


def moving_iou(confusion: Int64[np.ndarray, "K K"], space: LabelSpace) -> float:
    """Mean IoU over the moving classes, from the same full matrix.

    Static pixels called "car" count against it.
    """
    return float(mean_over(iou(confusion), space.moving_ids))


def pooled(confusions: Sequence[NDArray[np.int64]]) -> Int64[np.ndarray, "K K"]:
    """The sum of all: the only average this project takes over pictures."""
    return np.sum(np.stack(confusions), axis=0)
