"""Whether a forecast knows how sure it may be: likelihood and calibration error.

Promises sums that add up over pictures. Probabilities are clamped and renormalised first, since
what a predictor feeds back to itself is raw. Goes class by class: all classes of a large picture
at once are 159 MB. Axes: K classes, H W picture, P pixels that count, B bins, N pictures.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping

import numpy as np
from jaxtyping import Float, UInt8, UInt16
from numpy.typing import NDArray

from forecast.evaluation.compared import Extra
from forecast.labels import LabelSpace
from forecast.scores import FigureWords

NUM_BINS = 15
FLOOR = 1e-6
"""Least probability; a hard warp that is wrong costs -ln(1e-6) = 13.8 nats, not infinity."""


def calibration() -> Extra:
    """Negative log-likelihood and expected calibration error."""
    return Extra(
        name="calibration",
        sums=lambda compared: calibration_sums(
            compared.planes(), compared.target_ids, compared.space
        ),
        figures=calibration_figures,
        words={
            "nll": FigureWords(
                title="Likelihood",
                about="Negative log-likelihood a pixel, in nats; lower is better.",
                lower_is_better=True,
            ),
            "ece": FigureWords(
                title="Calibration error",
                about="Expected calibration error; lower is better.",
                lower_is_better=True,
            ),
        },
        needs=frozenset(["belief"]),
    )


def calibration_sums(
    planes: Iterable[Float[np.ndarray, "H W"]],
    target_ids: UInt8[np.ndarray, "H W"] | UInt16[np.ndarray, "H W"],
    space: LabelSpace,
) -> Float[np.ndarray, "4 B"]:
    """Sums over the pixels that count, by confidence in equal bins of 0 to 1.

    Args:
        planes: Probability of each class in turn; negative values and sums other than 1 are mended.
        target_ids: What is there; void does not count.
        space: Gives void.

    Returns:
        Rows: pixels, sum of the likeliest class's probability, right ones, sum of -ln p(true).
    """
    counted = target_ids != space.void_id
    truth = target_ids[counted]
    total, best, of_truth = (np.zeros(truth.shape, np.float32) for _ in range(3))
    likeliest = np.zeros(truth.shape, truth.dtype)
    for index, plane in zip(range(space.num_classes), planes, strict=True):
        probs = np.maximum(plane[counted], np.float32(FLOOR))
        total += probs
        here = truth == index
        of_truth[here] = probs[here]
        likeliest[probs > best] = index
        np.maximum(best, probs, out=best)
    confidence = (best / total).astype(np.float64)
    nll = -np.log((of_truth / total).astype(np.float64))
    return _binned(nll, confidence, likeliest == truth)


def _binned(
    nll: NDArray[np.float64], confidence: NDArray[np.float64], correct: NDArray[np.bool_]
) -> Float[np.ndarray, "4 B"]:
    bins = np.minimum((confidence * NUM_BINS).astype(np.int64), NUM_BINS - 1)
    weights = (None, confidence, correct.astype(np.float64), nll)
    return np.stack(
        [np.bincount(bins, weights=one, minlength=NUM_BINS).astype(np.float64) for one in weights]
    )


def calibration_figures(sums: Float[np.ndarray, "N 4 B"]) -> Mapping[str, float]:
    """`nll`, nats a pixel, and `ece`, mean |accuracy - confidence| (Guo et al. 2017, eq. 3)."""
    pixels, confidence, correct, nll = sums.sum(axis=0)
    num = pixels.sum()
    if not num:
        return {"nll": float("nan"), "ece": float("nan")}
    return {"nll": float(nll.sum() / num), "ece": float(np.abs(correct - confidence).sum() / num)}
