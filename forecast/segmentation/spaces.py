"""The label space of a network: by its card, its class names, or the number of its classes."""

from __future__ import annotations

import colorsys
from collections.abc import Mapping
from pathlib import Path

from forecast.checkpoints import read_card
from forecast.errors import CheckpointError
from forecast.labels import CITYSCAPES, SPACES, LabelClass, LabelSpace, space_named

_GOLDEN = 0.618034


def space_of(weights: Path, num_classes: int) -> LabelSpace:
    """The space on a file's card, else the known one of as many classes, else a bare one.

    Raises:
        CheckpointError: The card names a space of another number of classes.
    """
    named = _on_card(weights)
    if named is None:
        same = (space for space in SPACES.values() if space.num_classes == num_classes)
        return next(same, bare_space(num_classes))
    if named.num_classes != num_classes:
        raise CheckpointError(
            f"{weights} has {num_classes} classes and its card says {named.name}, which has "
            f"{named.num_classes}; use the file that training wrote"
        )
    return named


def _on_card(weights: Path) -> LabelSpace | None:
    if weights.suffix != ".safetensors":
        return None
    try:
        return space_named(read_card(weights).space)
    except CheckpointError:
        return None


def bare_space(num_classes: int) -> LabelSpace:
    """A space of unnamed classes, each with its own hue."""
    hues = [(index * _GOLDEN) % 1 for index in range(num_classes)]
    classes = [
        LabelClass(name=f"class {index}", colour=_drawn(hue)) for index, hue in enumerate(hues)
    ]
    return LabelSpace(name=f"classes-{num_classes}", classes=tuple(classes), void_id=255)


def _drawn(hue: float) -> tuple[int, int, int]:
    red, green, blue = (round(255 * level) for level in colorsys.hsv_to_rgb(hue, 0.8, 0.9))
    return red, green, blue


def cityscapes_order(names: Mapping[int, str]) -> list[int] | None:
    """The channel of each Cityscapes class, by its name; None if a class is missing."""
    channels = {name.strip().lower(): channel for channel, name in names.items()}
    if all(name in channels for name in CITYSCAPES.names):
        return [channels[name] for name in CITYSCAPES.names]
    return None
