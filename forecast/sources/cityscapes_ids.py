"""Cityscapes numbers its classes twice: label ids in its files, train ids everywhere else."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from forecast.labels import CITYSCAPES, CITYSCAPES_LABEL_IDS


def _inverted() -> NDArray[np.uint8]:
    table = np.full(256, CITYSCAPES.void_id, np.uint8)
    table[list(CITYSCAPES_LABEL_IDS)] = np.arange(len(CITYSCAPES_LABEL_IDS))
    return table


def _forward() -> NDArray[np.uint8]:
    table = np.zeros(256, np.uint8)
    table[: len(CITYSCAPES_LABEL_IDS)] = CITYSCAPES_LABEL_IDS
    return table


TRAIN_ID_OF_LABEL_ID: NDArray[np.uint8] = _inverted()
"""256 train ids; 255 where a label id is not evaluated."""

LABEL_ID_OF_TRAIN_ID: NDArray[np.uint8] = _forward()
"""256 label ids; 0 (unlabeled) where a train id is none."""
