"""Shares of pixels that are right, and IoU picture by picture, from the confusion of each picture.

Void targets are left out, as in every evaluator that these figures are compared with.
Axes: N pictures, K classes.
"""

from __future__ import annotations

from collections.abc import Mapping

import numpy as np
from jaxtyping import Float

from forecast.confusion import mean_iou, mean_over, ratio
from forecast.evaluation.compared import Compared, Extra
from forecast.scores import FigureWords


def accuracy() -> Extra:
    """Pixel accuracy, and the mean over classes of the share of their pixels that was found."""
    return Extra(
        name="accuracy",
        sums=_hits_and_pixels,
        figures=_accuracies,
        words={
            "pixel_accuracy": FigureWords(
                title="Pixel accuracy", about="Share of the pixels that count that are right."
            ),
            "class_accuracy": FigureWords(
                title="Class accuracy",
                about="Share of a class's pixels that is right, mean over the target's classes.",
            ),
        },
    )


def _hits_and_pixels(compared: Compared) -> Float[np.ndarray, "2 K"]:
    counts = compared.counts
    return np.stack([np.diagonal(counts), counts.sum(axis=1)]).astype(np.float64)


def _accuracies(sums: Float[np.ndarray, "N 2 K"]) -> Mapping[str, float]:
    hits, pixels = sums.sum(axis=0)
    return {
        "pixel_accuracy": float(ratio(hits.sum(keepdims=True), pixels.sum(keepdims=True))[0]),
        "class_accuracy": float(mean_over(ratio(hits, pixels))),
    }


def per_image() -> Extra:
    """Mean IoU of each picture, over the classes that it or its forecast has; mean of pictures."""
    return Extra(
        name="per-image",
        sums=lambda compared: np.array([mean_iou(compared.counts)]),
        figures=lambda sums: {"image_miou": float(mean_over(sums[:, 0]))},
        words={
            "image_miou": FigureWords(
                title="mIoU of a picture",
                about="Mean IoU of each picture by itself, mean over pictures; not the pooled mIoU,"
                " which rare classes weigh on more.",
            )
        },
    )
