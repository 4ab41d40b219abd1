"""Label spaces: what a class id means, how it is drawn, and how one space maps into another.

Does not know pictures, networks or files. Axes: K classes, H W picture.
"""

from __future__ import annotations

from forecast.labels.mapping import (
    LABEL_ID_OF_TRAIN_ID,
    TRAIN_ID_OF_LABEL_ID,
    collapse_table,
    lift_table,
)
from forecast.labels.space import LabelClass, LabelSpace, voc_colour
from forecast.labels.spaces import (
    CAMVID,
    CITYSCAPES,
    CITYSCAPES_LABEL_IDS,
    PASCAL_CONTEXT_59,
    PASCAL_CONTEXT_60,
    SPACES,
    STANFORD,
    VOC,
    context_space,
    space_named,
)

__all__ = [
    "CAMVID",
    "CITYSCAPES",
    "CITYSCAPES_LABEL_IDS",
    "LABEL_ID_OF_TRAIN_ID",
    "PASCAL_CONTEXT_59",
    "PASCAL_CONTEXT_60",
    "SPACES",
    "STANFORD",
    "TRAIN_ID_OF_LABEL_ID",
    "VOC",
    "LabelClass",
    "LabelSpace",
    "collapse_table",
    "context_space",
    "lift_table",
    "space_named",
    "voc_colour",
]
