"""The label spaces that data sets and networks are in, by name."""

from __future__ import annotations

from collections.abc import Sequence

from forecast.errors import UsageError
from forecast.labels.space import LabelClass, LabelSpace, space_of, voc_colour

# Train ids and colours: cityscapesScripts helpers/labels.py.
CITYSCAPES = space_of(
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
CAMVID = space_of(
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
VOC = space_of(
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

# Ids: 59_labels.txt of Pascal Context (Mottaghi et al., CVPR 2014): VOC's twenty first.
_CONTEXT = [
    "aeroplane",
    "bicycle",
    "bird",
    "boat",
    "bottle",
    "bus",
    "car",
    "cat",
    "chair",
    "cow",
    "table",
    "dog",
    "horse",
    "motorbike",
    "person",
    "pottedplant",
    "sheep",
    "sofa",
    "train",
    "tvmonitor",
    "bag",
    "bed",
    "bench",
    "book",
    "building",
    "cabinet",
    "ceiling",
    "cloth",
    "computer",
    "cup",
    "door",
    "fence",
    "floor",
    "flower",
    "food",
    "grass",
    "ground",
    "keyboard",
    "light",
    "mountain",
    "mouse",
    "curtain",
    "platform",
    "sign",
    "plate",
    "road",
    "rock",
    "shelves",
    "sidewalk",
    "sky",
    "snow",
    "bedclothes",
    "track",
    "tree",
    "truck",
    "wall",
    "water",
    "window",
    "wood",
]
_MOVING = frozenset(
    [
        "aeroplane",
        "bird",
        "boat",
        "bus",
        "car",
        "cat",
        "cow",
        "dog",
        "horse",
        "motorbike",
        "person",
        "sheep",
        "train",
        "truck",
    ]
)


def context_space(name: str, names: Sequence[str], *, void_id: int = 255) -> LabelSpace:
    """A space of Pascal Context, which has no palette of its own: drawn in VOC's colour map."""
    classes = tuple(
        LabelClass(name=one, colour=voc_colour(index + 1), moving=one in _MOVING)
        for index, one in enumerate(names)
    )
    return LabelSpace(name=name, classes=classes, void_id=void_id)


PASCAL_CONTEXT_59 = context_space("pascal-context-59", _CONTEXT)
PASCAL_CONTEXT_60 = context_space("pascal-context-60", ["background", *_CONTEXT])
"""With all that is none of the 59 as a class of its own."""

# Ids: iccv09Data/README (Gould, Fulton, Koller, ICCV 2009); it has no palette.
STANFORD = space_of(
    "stanford-background",
    255,
    """
    sky|128 192 255
    tree|64 128 0
    road|128 64 128
    grass|128 224 64
    water|0 64 192
    building|128 0 0
    mountain|160 128 96
    foreground|224 160 0
    """,
)

SPACES: dict[str, LabelSpace] = {
    space.name: space
    for space in (
        CITYSCAPES,
        CAMVID,
        VOC,
        PASCAL_CONTEXT_59,
        PASCAL_CONTEXT_60,
        STANFORD,
    )
}


def space_named(name: str) -> LabelSpace:
    """The label space of that name.

    Raises:
        UsageError: There is none.
    """
    if name not in SPACES:
        raise UsageError(f"no label space is called {name!r}; known: {', '.join(SPACES)}")
    return SPACES[name]
