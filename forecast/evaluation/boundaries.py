"""IoU near outlines, where forecasts go wrong first: everything else becomes void.

Axes: H W picture, K classes, N pictures.
"""

from __future__ import annotations

import cv2
import numpy as np
from jaxtyping import Bool, Float

from forecast.confusion import confusion, mean_over, only_where, parts, ratio
from forecast.evaluation.compared import Compared, Extra
from forecast.evaluation.tolerance import Tolerance
from forecast.geometry.deciding import Labels
from forecast.labels import LabelSpace
from forecast.scores import FigureWords


def boundaries(tolerance: Tolerance) -> Extra:
    """The mIoU of the pixels near an outline of the target."""
    name = f"boundary_miou{tolerance.ending}"

    def near(compared: Compared) -> Bool[np.ndarray, "H W"]:
        target = compared.target_ids
        width_px = round(tolerance.in_px(target.shape))
        return near_boundary(target, compared.space, width_px=width_px)

    return Extra(
        name=f"boundaries{tolerance.ending}",
        sums=lambda compared: parts_where(compared, near(compared)),
        figures=lambda sums: {name: miou_of_parts(sums)},
        words={
            name: FigureWords(
                title="Near outlines",
                about=f"mIoU within {tolerance.words} of an outline of the target, as a fraction.",
            )
        },
    )


def parts_where(compared: Compared, mask: Bool[np.ndarray, "H W"]) -> Float[np.ndarray, "2 K"]:
    """Intersection and union of every class over a part of the picture."""
    target = only_where(compared.target_ids, mask, compared.space)
    return np.stack(parts(confusion(target, compared.labels, compared.space)))


def miou_of_parts(sums: Float[np.ndarray, "N 2 K"]) -> float:
    """Mean IoU over the defined classes of what was summed."""
    return float(mean_over(ratio(*sums.sum(axis=0))))


def edges(ids: Labels, space: LabelSpace) -> Bool[np.ndarray, "H W"]:
    """Pixels beside a pixel of another class.

    The edge of void is none: nobody drew an object there; nor is the edge of the picture.
    """
    counted = ids != space.void_id
    edge = np.zeros(ids.shape, np.bool_)
    down = (ids[1:] != ids[:-1]) & counted[1:] & counted[:-1]
    across = (ids[:, 1:] != ids[:, :-1]) & counted[:, 1:] & counted[:, :-1]
    edge[1:] |= down
    edge[:-1] |= down
    edge[:, 1:] |= across
    edge[:, :-1] |= across
    return edge


def near_boundary(
    target_ids: Labels, space: LabelSpace, *, width_px: int
) -> Bool[np.ndarray, "H W"]:
    """Pixels that count within a square of `width_px` of an outline between two classes."""
    side = 2 * (width_px - 1) + 1
    edge = edges(target_ids, space).astype(np.uint8)
    grown = cv2.dilate(edge, np.ones((side, side), np.uint8))
    return (grown > 0) & (target_ids != space.void_id)


def boundary_f(tolerance: Tolerance) -> Extra:
    """F of the outlines of every class, within a tolerance (Csurka et al., BMVC 2013).

    Pooled: outline pixels are counted over the whole set before precision and recall are taken,
    where the paper averages over pictures.
    """
    name = f"boundary_f{tolerance.ending}"
    return Extra(
        name=f"boundary-f{tolerance.ending}",
        sums=lambda compared: _matches(compared, tolerance),
        figures=lambda sums: {name: _mean_f(sums)},
        words={
            name: FigureWords(
                title="Boundary F",
                about="Harmonic mean of the shares of forecast outline and of true outline that "
                f"lie within {tolerance.words} of the other, mean over classes.",
            )
        },
        note=lambda sums: _extent(name, sums),
    )


def _matches(compared: Compared, tolerance: Tolerance) -> Float[np.ndarray, "4 K_1"]:
    """Forecast outline pixels that are near the true one, all of them, and the same of the truth.

    Void is cut out of both. The last column holds the tolerance, the diagonal and a one.
    """
    space, target = compared.space, compared.target_ids
    forecast = only_where(compared.labels, target != space.void_id, space)
    reach_px = tolerance.in_px(target.shape)
    found = np.zeros((4, space.num_classes + 1))
    found[:3, -1] = reach_px, np.hypot(*target.shape), 1
    outlines = [edges(ids, space) for ids in (forecast, target)]
    for index in range(space.num_classes):
        pair = [
            edge & (ids == index) for edge, ids in zip(outlines, (forecast, target), strict=True)
        ]
        sizes = [np.count_nonzero(one) for one in pair]
        if all(sizes):
            found[0, index] = np.count_nonzero(pair[0] & _within(pair[1], reach_px))
            found[2, index] = np.count_nonzero(pair[1] & _within(pair[0], reach_px))
        found[1, index], found[3, index] = sizes
    return found


def _within(outline: Bool[np.ndarray, "H W"], reach_px: float) -> Bool[np.ndarray, "H W"]:
    distance = cv2.distanceTransform(
        (~outline).astype(np.uint8), cv2.DIST_L2, cv2.DIST_MASK_PRECISE
    )
    return distance <= reach_px + 1e-4


def _mean_f(sums: Float[np.ndarray, "N 4 K_1"]) -> float:
    near, forecast, found, target = sums.sum(axis=0)[:, :-1]
    precision, recall = (
        np.nan_to_num(ratio(*pair)) for pair in ((near, forecast), (found, target))
    )
    values = np.nan_to_num(ratio(2 * precision * recall, precision + recall))
    values[forecast + target == 0] = np.nan
    return float(mean_over(values))


def _extent(name: str, sums: Float[np.ndarray, "N 4 K_1"]) -> str:
    reach_px, diagonal, num = sums.sum(axis=0)[:3, -1]
    return (
        f"{name} lets an outline be off by {reach_px / num:.3g} px, "
        f"{100 * reach_px / diagonal:.2f} % of the diagonal."
    )
