"""CamVid as it was published: 960x720, labels drawn in 32 colours, collapsed to the eleven.

Authors collapse differently. The table here is that of MathWorks' `camvidPixelLabelIDs` (SegNet's
own was never published): `forecast datasets check` says how far it agrees with SegNet's labels
where both are on disk.
"""

from __future__ import annotations

from collections.abc import Mapping
from functools import cache, partial
from pathlib import Path

import numpy as np
from numpy.typing import NDArray
from PIL import Image

from forecast.errors import SourceError
from forecast.geometry.resize import resize_labels
from forecast.labels import CAMVID
from forecast.sources.datasets.camvid import clips_of
from forecast.sources.datasets.kind import SplitFiles
from forecast.sources.datasets.labelled import LabelledImages
from forecast.sources.datasets.stills import listed_names, require_split
from forecast.sources.pictures import images_in, read_ids, require_files

_PICTURES, _LABELS, _ALL = "701_StillsRaw_full", "LabeledApproved_full", "all"
_SPLITS = ("train", "val", "test")
PUBLISHED = {"train": 367, "val": 101, "test": 233, _ALL: 701}

# label_colors.txt of Brostow, Fauqueur and Cipolla (2009), and what each belongs to.
_COLOURS = """
Animal 64 128 64 pedestrian
Archway 192 0 128 building
Bicyclist 0 128 192 bicyclist
Bridge 0 128 64 building
Building 128 0 0 building
Car 64 0 128 car
CartLuggagePram 64 0 192 pedestrian
Child 192 128 64 pedestrian
Column_Pole 192 192 128 pole
Fence 64 64 128 fence
LaneMkgsDriv 128 0 192 road
LaneMkgsNonDriv 192 0 64 road
Misc_Text 128 128 64 sign
MotorcycleScooter 192 0 192 bicyclist
OtherMoving 128 64 64 car
ParkingBlock 64 192 128 pavement
Pedestrian 64 64 0 pedestrian
Road 128 64 128 road
RoadShoulder 128 128 192 pavement
Sidewalk 0 0 192 pavement
SignSymbol 192 128 128 sign
Sky 128 128 128 sky
SUVPickupTruck 64 128 192 car
TrafficCone 0 0 64 pole
TrafficLight 0 64 64 sign
Train 192 64 128 car
Tree 128 128 0 tree
Truck_Bus 192 128 192 car
Tunnel 64 0 64 building
VegetationMisc 192 192 0 tree
Void 0 0 0 -
Wall 64 192 0 building
"""


@cache
def _known() -> Mapping[str, tuple[tuple[int, int, int], str]]:
    rows = [row.split() for row in _COLOURS.strip().splitlines()]
    return {
        name: ((int(red), int(green), int(blue)), home) for name, red, green, blue, home in rows
    }


def colour_table(root: Path) -> Mapping[tuple[int, int, int], int]:
    """Id of each colour, by the list beside the data where there is one.

    Raises:
        SourceError: The list names a class that is none of the 32.
    """
    known = _known()
    listing = root / "label_colors.txt"
    drawn = {name: colour for name, (colour, _) in known.items()}
    if listing.is_file():
        drawn = {}
        for row in listing.read_text().splitlines():
            *colour, name = row.split() or [""]
            if name and (name not in known or len(colour) != 3):
                raise SourceError(f"{listing} has the line {row!r}; needed `R G B NAME` of the 32")
            if name:
                drawn[name] = (int(colour[0]), int(colour[1]), int(colour[2]))
    homes = {name: home for name, (_, home) in known.items()}
    return {
        colour: CAMVID.void_id if homes[name] == "-" else CAMVID.id_of(homes[name])
        for name, colour in drawn.items()
    }


def is_camvid_colours(root: Path) -> bool:
    """Whether a folder holds the pictures and the coloured labels as published."""
    return (root / _PICTURES).is_dir() and (root / _LABELS).is_dir()


def colour_splits(root: Path) -> list[str]:
    """`all`, and SegNet's splits where their lists lie in the folder."""
    if not is_camvid_colours(root):
        return []
    return [*[one for one in _SPLITS if (root / f"{one}.txt").is_file()], _ALL]


def colour_files(root: Path, split: str) -> SplitFiles:
    """Pictures and coloured labels of a split.

    Raises:
        SourceError: There is no such split.
    """
    require_split(root, split, colour_splits(root), name="CamVid")
    if split == _ALL:
        names = [path.stem for path in images_in(root / _PICTURES)]
    else:
        names = listed_names(root / f"{split}.txt")
    return SplitFiles(
        pictures=[root / _PICTURES / f"{name}.png" for name in names],
        labels=[root / _LABELS / f"{name}_L.png" for name in names],
    )


def open_camvid_colours(root: Path, split: str) -> list[LabelledImages]:
    """The clips of one split, in order of drive and time.

    Raises:
        SourceError: The split or some of its files are missing.
    """
    files = colour_files(root, split)
    remedy = "get 701_StillsRaw_full.zip and LabeledApproved_full.zip again"
    require_files([*files.pictures, *files.labels], root=root, remedy=remedy)
    labels = dict(zip(files.pictures, files.labels, strict=True))
    read = partial(read_colours, colours=colour_table(root))
    return clips_of(files.pictures, labels.__getitem__, read=read)


def read_colours(path: Path, *, colours: Mapping[tuple[int, int, int], int]) -> NDArray[np.integer]:
    """Ids of a coloured label picture, [H, W].

    Raises:
        SourceError: It is missing or damaged, or has a colour that is no class.
    """
    try:
        with Image.open(path) as picture:
            rgb = np.asarray(picture.convert("RGB"), np.uint32)
    except (OSError, SyntaxError) as fault:
        raise SourceError(f"{path} is no picture that can be read: {fault}") from fault
    codes = rgb @ np.array([1 << 16, 1 << 8, 1], np.uint32)
    found, place = np.unique(codes, return_inverse=True)
    drawn = [(int(one) >> 16, int(one) >> 8 & 255, int(one) & 255) for one in found]
    strange = [colour for colour in drawn if colour not in colours]
    if strange:
        raise SourceError(
            f"{path} has the colour {strange[0]}, which label_colors.txt does not name; "
            "get a whole copy, not one that was resized"
        )
    return np.array([colours[one] for one in drawn], np.uint8)[place.reshape(codes.shape)]


def agreement(root: Path) -> str:
    """How far these labels agree with SegNet's of the same names, if those lie in the folder."""
    colours, same, both, num = colour_table(root), 0, 0, 0
    for split in _SPLITS:
        for theirs in images_in(root / f"{split}annot"):
            ours = root / _LABELS / f"{theirs.stem}_L.png"
            if ours.is_file():
                segnet = read_ids(theirs)
                mine = resize_labels(read_colours(ours, colours=colours), segnet.shape)
                counted = (segnet != CAMVID.void_id) & (mine != CAMVID.void_id)
                same += int(np.count_nonzero((mine == segnet) & counted))
                both += int(np.count_nonzero(counted))
                num += 1
    if not both:
        return "no labels of SegNet's lie beside them to compare the table of colours with"
    return f"{100 * same / both:.2f} % of pixels agree with SegNet's labels, on {num} pictures"
