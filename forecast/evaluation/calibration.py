"""Whether a forecast knows how sure it may be: likelihood and calibration error.

Promises sums that add up over pictures. Probabilities are clamped and renormalised first, since
what a predictor feeds back to itself is raw. Axes: K classes, H W picture, P pixels, B bins.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from jaxtyping import Float, Int64, UInt8
from numpy.typing import NDArray

from forecast.labels import LabelSpace

NUM_BINS = 15
FLOOR = 1e-6
"""Least probability; a hard warp that is wrong costs -ln(1e-6) = 13.8 nats, not infinity."""


@dataclass(frozen=True, slots=True, kw_only=True)
class CalibrationSums:
    """What some pixels add to likelihood and calibration."""

    nll: float
    """Sum of -ln p(true class), in nats."""
    pixels: Int64[np.ndarray, " B"]
    """Pixels by confidence, in equal bins of 0 to 1."""
    confidence: Float[np.ndarray, " B"]
    """Sum of the likeliest class's probability."""
    correct: Int64[np.ndarray, " B"]

    def plus(self, other: CalibrationSums) -> CalibrationSums:
        """Both together."""
        return CalibrationSums(
            nll=self.nll + other.nll,
            pixels=self.pixels + other.pixels,
            confidence=self.confidence + other.confidence,
            correct=self.correct + other.correct,
        )

    @property
    def mean_nll(self) -> float:
        """Negative log-likelihood a pixel, in nats; NaN where nothing counted."""
        num = int(self.pixels.sum())
        return self.nll / num if num else float("nan")

    @property
    def ece(self) -> float:
        """Expected calibration error (Guo et al. 2017, eq. 3): mean |accuracy - confidence|."""
        num = int(self.pixels.sum())
        if not num:
            return float("nan")
        return float(np.abs(self.correct - self.confidence).sum() / num)

    def extras(self) -> dict[str, float]:
        """The two figures by the names that reports use."""
        return {"nll": self.mean_nll, "ece": self.ece}


def calibration(
    probs: Float[np.ndarray, "K H W"], target_ids: UInt8[np.ndarray, "H W"], space: LabelSpace
) -> CalibrationSums:
    """Sums over the pixels that count.

    Args:
        probs: A belief at the target's size; negative values and sums other than 1 are mended.
        target_ids: What is there; void does not count.
        space: Gives void.
    """
    counted = target_ids != space.void_id
    truth = target_ids[counted].astype(np.int64)
    mended = mend(probs[:, counted])
    likeliest = mended.argmax(axis=0)
    confidence = mended.max(axis=0).astype(np.float64)
    true_probs = mended[truth, np.arange(len(truth))].astype(np.float64)
    return _binned(float(-np.log(true_probs).sum()), confidence, likeliest == truth)


def mend(probs: Float[np.ndarray, "K P"]) -> Float[np.ndarray, "K P"]:
    """Probabilities of at least FLOOR that sum to 1 over the first axis."""
    clamped = np.maximum(probs, probs.dtype.type(FLOOR))
    return clamped / clamped.sum(axis=0)


def _binned(
    nll: float, confidence: NDArray[np.float64], correct: NDArray[np.bool_]
) -> CalibrationSums:
    bins = np.minimum((confidence * NUM_BINS).astype(np.int64), NUM_BINS - 1)
    return CalibrationSums(
        nll=nll,
        pixels=np.bincount(bins, minlength=NUM_BINS).astype(np.int64),
        confidence=np.bincount(bins, weights=confidence, minlength=NUM_BINS).astype(np.float64),
        correct=np.bincount(bins[correct], minlength=NUM_BINS).astype(np.int64),
    )
