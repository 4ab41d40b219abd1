"""What a class id means and how it is drawn. Does not know pictures, networks or files."""

from __future__ import annotations

from dataclasses import dataclass

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
    def num_ids(self) -> int:
        """Length of a table that has a row for every id, void among them; 256 at least."""
        return max(256, self.num_classes, self.void_id + 1)

    @property
    def id_type(self) -> type[np.uint8] | type[np.uint16]:
        """The smallest type that holds every id."""
        return np.uint8 if self.num_ids == 256 else np.uint16

    @property
    def moving_ids(self) -> tuple[int, ...]:
        """Ids of the classes that move of themselves."""
        return tuple(index for index, entry in enumerate(self.classes) if entry.moving)

    def palette(self) -> NDArray[np.uint8]:
        """A sRGB row for every id, 256 at least; every id that is no class is black."""
        table = np.zeros((self.num_ids, 3), np.uint8)
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


def space_of(name: str, void_id: int, rows: str) -> LabelSpace:
    """A space from lines of `NAME|R G B` or `NAME|R G B|moving`."""
    classes: list[LabelClass] = []
    for row in rows.strip().splitlines():
        title, colour, *moving = (field.strip() for field in row.split("|"))
        red, green, blue = (int(value) for value in colour.split())
        classes.append(
            LabelClass(name=title, colour=(red, green, blue), moving=moving == ["moving"])
        )
    return LabelSpace(name=name, classes=tuple(classes), void_id=void_id)


def voc_colour(index: int) -> tuple[int, int, int]:
    """The colour of a class in the VOC devkit's map (VOClabelcolormap.m): different for each id.

    Bits 0, 1 and 2 of the id become the highest bits of red, green and blue, bits 3 to 5 the next.
    """
    red = green = blue = 0
    for bit in range(7, -1, -1):
        red |= (index & 1) << bit
        green |= (index >> 1 & 1) << bit
        blue |= (index >> 2 & 1) << bit
        index >>= 3
    return red, green, blue
