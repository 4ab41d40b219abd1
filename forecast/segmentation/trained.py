"""A network of the table from a file of weights: built as its card says, filled, its space known.

A file without a card (a bare state dict) stands for the published width; whether it has batch norms
and how many classes, its weights say.
Axes: K classes.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

from torch import nn

from forecast.checkpoints import ModelCard, State, load_into, load_state, read_card
from forecast.errors import CheckpointError
from forecast.labels import LabelSpace
from forecast.segmentation.sizes import PixelBudget
from forecast.segmentation.spaces import space_of
from forecast.segmentation.trainable import TRAINABLE, NetworkOptions, Trainable

INPUT_PIXELS = 384 * 768
"""What a picture is brought to where a card does not say what the network learnt from."""
_NORMS = "running_mean"


@dataclass(frozen=True, slots=True, kw_only=True)
class Trained:
    """A network that can run."""

    network: nn.Module
    space: LabelSpace
    input_size: PixelBudget
    options: NetworkOptions


def card_facts(row: Trainable, options: NetworkOptions, *, input_pixels: int) -> dict[str, object]:
    """What a card must say beside the run's settings, for `read_trained` and for people."""
    return {
        "width": options.width,
        "norm": options.norm,
        "mirrored": options.mirrored,
        "torchvision_trunk": options.torchvision_trunk,
        "input_pixels": input_pixels,
        "input_multiple": row.multiple,
        "output_stride": row.stride,
        "mean": str(row.mean),
        "std": str(row.std),
    }


def read_trained(name: str, path: Path) -> Trained:
    """The network of that name in a file.

    Args:
        name: A key of `TRAINABLE`.
        path: The file.

    Raises:
        CheckpointError: The file is missing or damaged, its card names another network, or its
            weights do not fit.
    """
    row, state = TRAINABLE[name], load_state(path)
    if row.last_layer not in state:
        raise CheckpointError(
            f"{path} holds no {name} network; `forecast train segmenter --network {name}` "
            "writes one"
        )
    recipe = _recipe(name, path)
    options = _options(recipe, state, path)
    num_classes = state[row.last_layer].shape[0]
    network = row.build(num_classes, options)
    load_into(network, state, source=str(path))
    pixels = round(_number(recipe, "input_pixels", float(INPUT_PIXELS), path))
    return Trained(
        network=network,
        space=space_of(path, num_classes),
        input_size=PixelBudget(pixels, row.multiple),
        options=options,
    )


def _recipe(name: str, path: Path) -> Mapping[str, object]:
    card = _card(path)
    if card is None:
        return {}
    # Older cards describe their network in words; the weights then say whether it is this one.
    if card.network in TRAINABLE and card.network != name:
        raise CheckpointError(
            f"{path} holds weights of {card.network!r}, needed are {name}'s; name the segmenter "
            f"{card.network!r}, or give another file"
        )
    return card.recipe


def _card(path: Path) -> ModelCard | None:
    if path.suffix != ".safetensors":
        return None
    try:
        return read_card(path)
    except CheckpointError:
        return None


def _options(recipe: Mapping[str, object], state: State, path: Path) -> NetworkOptions:
    return NetworkOptions(
        width=_number(recipe, "width", 1.0, path),
        norm=any(name.endswith(_NORMS) for name in state),
        mirrored=str(recipe.get("mirrored")) == "True",
        torchvision_trunk=str(recipe.get("torchvision_trunk")) == "True",
    )


def _number(recipe: Mapping[str, object], key: str, otherwise: float, path: Path) -> float:
    found = recipe.get(key, otherwise)
    try:
        number = float(str(found))
    except ValueError:
        number = 0.0
    if number <= 0:
        raise CheckpointError(
            f"the card of {path} gives {key} as {found!r}, which is no number above 0; "
            "train it again"
        )
    return number
