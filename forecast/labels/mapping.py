"""How one label space maps into another.

Promises that a map lifted from a coarse space to a fine one and collapsed back is unchanged.
"""

from __future__ import annotations

from functools import cache

import numpy as np
from numpy.typing import NDArray

from forecast.errors import UsageError
from forecast.labels.space import LabelSpace
from forecast.labels.spaces import CITYSCAPES, CITYSCAPES_LABEL_IDS

# CamVid class -> the Cityscapes class that stands for it, then those that also collapse into it.
_CAMVID_CITYSCAPES: dict[str, tuple[str, ...]] = {
    "sky": ("sky",),
    "building": ("building", "wall"),
    "pole": ("pole",),
    "road": ("road",),
    "pavement": ("sidewalk",),
    "tree": ("vegetation", "terrain"),
    "sign": ("traffic sign", "traffic light"),
    "fence": ("fence",),
    "car": ("car", "truck", "bus", "train"),
    "pedestrian": ("person",),
    "bicyclist": ("rider", "bicycle", "motorcycle"),
}

_COARSE_TO_FINE = {("camvid", "cityscapes"): _CAMVID_CITYSCAPES}


@cache
def _members(coarse: LabelSpace, fine: LabelSpace) -> tuple[tuple[int, ...], ...]:
    table = _COARSE_TO_FINE.get((coarse.name, fine.name))
    if table is None:
        raise UsageError(
            f"no mapping is known between {coarse.name} and {fine.name}; "
            "use a segmenter and predictor of the data set's own classes"
        )
    return tuple(tuple(fine.id_of(name) for name in table[entry]) for entry in coarse.names)


def lift_table(coarse: LabelSpace, fine: LabelSpace) -> NDArray[np.integer]:
    """The fine class that stands for each coarse id, 256 entries at least; all else the fine void.

    Raises:
        UsageError: No mapping is known between the two.
    """
    table = np.full(coarse.num_ids, fine.void_id, fine.id_type)
    if coarse == fine:
        table[: fine.num_classes] = np.arange(fine.num_classes)
        return table
    for coarse_id, fine_ids in enumerate(_members(coarse, fine)):
        table[coarse_id] = fine_ids[0]
    return table


def collapse_table(fine: LabelSpace, coarse: LabelSpace) -> NDArray[np.integer]:
    """The coarse class of each fine id, 256 entries at least; all else the coarse void.

    Probabilities collapse by summing those of equal entry.

    Raises:
        UsageError: No mapping is known between the two.
    """
    table = np.full(fine.num_ids, coarse.void_id, coarse.id_type)
    if coarse == fine:
        table[: fine.num_classes] = np.arange(fine.num_classes)
        return table
    for coarse_id, fine_ids in enumerate(_members(coarse, fine)):
        table[list(fine_ids)] = coarse_id
    return table


def _label_id_tables() -> tuple[NDArray[np.uint8], NDArray[np.uint8]]:
    train_ids = np.full(256, CITYSCAPES.void_id, np.uint8)
    train_ids[list(CITYSCAPES_LABEL_IDS)] = np.arange(len(CITYSCAPES_LABEL_IDS))
    label_ids = np.zeros(256, np.uint8)
    label_ids[: len(CITYSCAPES_LABEL_IDS)] = CITYSCAPES_LABEL_IDS
    return train_ids, label_ids


# Cityscapes numbers its classes twice: label ids in its files, train ids everywhere else.
TRAIN_ID_OF_LABEL_ID, LABEL_ID_OF_TRAIN_ID = _label_id_tables()
"""256 entries each; 255 where a label id is not evaluated, 0 where a train id is no class."""
