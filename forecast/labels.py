"""Label spaces: what a class id means, how it is drawn, and how one space maps into another.

Promises that a map lifted from a coarse space to a fine one and collapsed back is unchanged.
Does not know pictures, networks or files. Axes: K classes, H W picture.
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import cache

import numpy as np
from numpy.typing import NDArray

from forecast.errors import UsageError


@dataclass(frozen=True, slots=True, kw_only=True)
class LabelClass:
    """One class of a space."""

    name: str
    colour: tuple[int, int, int]
    """sRGB, 0 to 255, as its data set draws it."""
    moving: bool = False
    """Whether the class moves of itself: people, riders and vehicles."""


@dataclass(frozen=True, slots=True, kw_only=True)
class LabelSpace:
    """An ordered list of classes; a class's id is its position."""

    name: str
    classes: tuple[LabelClass, ...]
    void_id: int
    """Marks pixels that do not count."""

    @property
    def num_classes(self) -> int:
        """K."""
        return len(self.classes)

    @property
    def names(self) -> tuple[str, ...]:
        """Class names in id order."""
        return tuple(entry.name for entry in self.classes)

    @property
    def moving_ids(self) -> tuple[int, ...]:
        """Ids of the classes that move of themselves."""
        return tuple(index for index, entry in enumerate(self.classes) if entry.moving)

    def palette(self) -> NDArray[np.uint8]:
        """256 sRGB rows; every id that is no class is black."""
        table = np.zeros((256, 3), np.uint8)
        table[: self.num_classes] = [entry.colour for entry in self.classes]
        return table

    def id_of(self, name: str) -> int:
        """The id of a class.

        Raises:
            UsageError: The space has no class of that name.
        """
        if name not in self.names:
            known = ", ".join(self.names)
            raise UsageError(f"{self.name} has no class {name!r}; it has {known}")
        return self.names.index(name)


def _space(name: str, void_id: int, rows: str) -> LabelSpace:
    classes: list[LabelClass] = []
    for row in rows.strip().splitlines():
        title, colour, *moving = (field.strip() for field in row.split("|"))
        red, green, blue = (int(value) for value in colour.split())
        classes.append(
            LabelClass(name=title, colour=(red, green, blue), moving=moving == ["moving"])
        )
    return LabelSpace(name=name, classes=tuple(classes), void_id=void_id)


# Train ids and colours: cityscapesScripts helpers/labels.py.
CITYSCAPES = _space(
    "cityscapes",
    255,
    """
    road|128 64 128
    sidewalk|244 35 232
    building|70 70 70
    wall|102 102 156
    fence|190 153 153
    pole|153 153 153
    traffic light|250 170 30
    traffic sign|220 220 0
    vegetation|107 142 35
    terrain|152 251 152
    sky|70 130 180
    person|220 20 60|moving
    rider|255 0 0|moving
    car|0 0 142|moving
    truck|0 0 70|moving
    bus|0 60 100|moving
    train|0 80 100|moving
    motorcycle|0 0 230|moving
    bicycle|119 11 32|moving
    """,
)

CITYSCAPES_LABEL_IDS = (7, 8, 11, 12, 13, 17, 19, 20, 21, 22, 23, 24, 25, 26, 27, 28, 31, 32, 33)
"""The label id of each train id, in order: cityscapesScripts helpers/labels.py."""

# Ids and colours: the SegNet tutorial's eleven classes, 11 = unlabelled.
CAMVID = _space(
    "camvid",
    11,
    """
    sky|128 128 128
    building|128 0 0
    pole|192 192 128
    road|128 64 128
    pavement|60 40 222
    tree|128 128 0
    sign|192 128 128
    fence|64 64 128
    car|64 0 128|moving
    pedestrian|64 64 0|moving
    bicyclist|0 128 192|moving
    """,
)

# The VOC devkit's colour map.
VOC = _space(
    "voc",
    255,
    """
    background|0 0 0
    aeroplane|128 0 0|moving
    bicycle|0 128 0|moving
    bird|128 128 0|moving
    boat|0 0 128|moving
    bottle|128 0 128
    bus|0 128 128|moving
    car|128 128 128|moving
    cat|64 0 0|moving
    chair|192 0 0
    cow|64 128 0|moving
    dining table|192 128 0
    dog|64 0 128|moving
    horse|192 0 128|moving
    motorbike|64 128 128|moving
    person|192 128 128|moving
    potted plant|0 64 0
    sheep|128 64 0|moving
    sofa|0 192 0
    train|128 192 0|moving
    tv monitor|0 64 128
    """,
)

SPACES: dict[str, LabelSpace] = {space.name: space for space in (CITYSCAPES, CAMVID, VOC)}


def space_named(name: str) -> LabelSpace:
    """The label space of that name.

    Raises:
        UsageError: There is none.
    """
    if name not in SPACES:
        raise UsageError(f"no label space is called {name!r}; known: {', '.join(SPACES)}")
    return SPACES[name]


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


def lift_table(coarse: LabelSpace, fine: LabelSpace) -> NDArray[np.uint8]:
    """256 ids: the fine class that stands for each coarse one; all else the fine void.

    Raises:
        UsageError: No mapping is known between the two.
    """
    table = np.full(256, fine.void_id, np.uint8)
    if coarse == fine:
        table[: fine.num_classes] = np.arange(fine.num_classes)
        return table
    for coarse_id, fine_ids in enumerate(_members(coarse, fine)):
        table[coarse_id] = fine_ids[0]
    return table


def collapse_table(fine: LabelSpace, coarse: LabelSpace) -> NDArray[np.uint8]:
    """256 ids: the coarse class each fine one belongs to; all else the coarse void.

    Probabilities collapse by summing those of equal entry.

    Raises:
        UsageError: No mapping is known between the two.
    """
    table = np.full(256, coarse.void_id, np.uint8)
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
