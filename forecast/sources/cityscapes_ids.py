"""The two numberings of Cityscapes' classes: label ids in its files, train ids in everything else.

Numbers from cityscapesScripts, helpers/labels.py.
"""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from forecast.labels import CITYSCAPES

LABEL_IDS = (7, 8, 11, 12, 13, 17, 19, 20, 21, 22, 23, 24, 25, 26, 27, 28, 31, 32, 33)
"""The label id of each train id."""


def _inverted() -> NDArray[np.uint8]:
    table = np.full(256, CITYSCAPES.void_id, np.uint8)
    table[list(LABEL_IDS)] = np.arange(len(LABEL_IDS))
    return table


def _forward() -> NDArray[np.uint8]:
    table = np.zeros(256, np.uint8)
    table[: len(LABEL_IDS)] = LABEL_IDS
    return table


TRAIN_ID_OF_LABEL_ID: NDArray[np.uint8] = _inverted()
"""256 train ids; 255 where a label id is not evaluated."""

LABEL_ID_OF_TRAIN_ID: NDArray[np.uint8] = _forward()
"""256 label ids; 0 (unlabeled) where a train id is none."""
