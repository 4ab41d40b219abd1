"""A segmenter from its name, with weights or not at all."""

from __future__ import annotations

from pathlib import Path

from forecast.checkpoints import bundled, load_into, load_state
from forecast.device import Placement
from forecast.errors import CheckpointError, UsageError
from forecast.segmentation.names import (
    ESPNETV2,
    FDDWNET,
    HUB,
    HUB_PREFIX,
    SEGMENTERS,
    TORCHVISION,
)
from forecast.segmentation.segmenter import NetworkSegmenter
from forecast.segmentation.sizes import FixedSize, ShorterSide, SizeRule
from forecast.segmentation.trainable import TRAINABLE
from forecast.stages import Segmenter

_CITYSCAPES_HW = (512, 1024)
_FDDWNET_FILE = "fddwnet_city.pth"

__all__ = ["SEGMENTERS", "build_segmenter"]


def is_known(name: str) -> bool:
    """Whether `build_segmenter` can make something of the name."""
    return name in SEGMENTERS or name.startswith(HUB_PREFIX)


def build_segmenter(
    name: str,
    *,
    weights: str | Path | None,
    placement: Placement,
    input_hw: tuple[int, int] | None = None,
) -> Segmenter:
    """The segmenter of that name.

    Args:
        name: A key of `SEGMENTERS`, or `hf:` and a hub repository or folder.
        weights: A file, or a folder that holds the public files by their names; None is what the
            name stands for, where it stands for any.
        placement: Where and in what precision it runs.
        input_hw: Size pictures are brought to; None is the network's own rule.

    Raises:
        UsageError: No segmenter has that name.
        CheckpointError: Its weights are missing, damaged or of another shape.
    """
    given = None if weights is None else Path(weights)
    own = None if input_hw is None else FixedSize(*input_hw)
    if name in TRAINABLE:
        return _trained(name, given, placement, own)
    if name in ESPNETV2:
        return _espnetv2(name, given, placement, input_hw or _CITYSCAPES_HW)
    if name == FDDWNET:
        return _fddwnet(given, placement, own or FixedSize(*_CITYSCAPES_HW))
    if name in TORCHVISION:
        return _torchvision(name, given, placement, own)
    if name in HUB or name.startswith(HUB_PREFIX):
        return _hub(name, given, placement, own)
    raise UsageError(f"no segmenter is called {name!r}; known: {', '.join(SEGMENTERS)}")


def _trained(
    name: str, weights: Path | None, placement: Placement, own: SizeRule | None
) -> Segmenter:
    from forecast.segmentation.networks.folding import folded
    from forecast.segmentation.trained import read_trained

    trained, row = read_trained(name, weights or bundled(name)), TRAINABLE[name]
    return NetworkSegmenter(
        folded(trained.network),
        name=name,
        space=trained.space,
        input_size=own or trained.input_size,
        placement=placement,
        mean=row.mean,
        std=row.std,
    )


def _espnetv2(
    name: str, weights: Path | None, placement: Placement, input_hw: tuple[int, int]
) -> Segmenter:
    from forecast.labels import CITYSCAPES
    from forecast.segmentation.networks.espnetv2 import ESPNetv2

    file = _espnetv2_file(name, weights, input_hw)
    network = ESPNetv2(ESPNETV2[name])
    load_into(network, load_state(file), source=str(file))
    return NetworkSegmenter(
        network,
        name=name,
        space=CITYSCAPES,
        input_size=FixedSize(*input_hw),
        placement=placement,
    )


def _espnetv2_file(name: str, weights: Path | None, input_hw: tuple[int, int]) -> Path:
    scale = ESPNETV2[name]
    public = f"espnetv2_s_{scale}_city_1024x512.pth"
    if weights is None:
        raise CheckpointError(
            f"{name} has no bundled weights; pass --weights with {public} of "
            "github.com/sacmehta/EdgeNets, or the folder that holds it"
        )
    if not weights.is_dir():
        return weights
    smaller = weights / f"espnetv2_s_{scale}_city_{input_hw[1]}x{input_hw[0]}.pth"
    return smaller if smaller.is_file() else weights / public


def _fddwnet(weights: Path | None, placement: Placement, size: SizeRule) -> Segmenter:
    from forecast.labels import CITYSCAPES
    from forecast.segmentation.networks.fddwnet import FDDWNet
    from forecast.segmentation.networks.folding import folded

    if weights is None:
        raise CheckpointError(
            f"{FDDWNET} has no bundled weights; pass --weights with {_FDDWNET_FILE}, made from "
            "github.com/zh320/realtime-semantic-segmentation-pytorch, or the folder that holds it"
        )
    file = weights / _FDDWNET_FILE if weights.is_dir() else weights
    load_into(network := FDDWNet(), load_state(file), source=str(file))
    return NetworkSegmenter(
        folded(network), name=FDDWNET, space=CITYSCAPES, input_size=size, placement=placement
    )


def _torchvision(
    name: str, weights: Path | None, placement: Placement, own: SizeRule | None
) -> Segmenter:
    from forecast.segmentation.networks.torchvision_networks import (
        SHORTER_SIDE,
        torchvision_network,
    )

    network, space = torchvision_network(name, weights)
    return NetworkSegmenter(
        network,
        name=name,
        space=space,
        input_size=own or ShorterSide(SHORTER_SIDE),
        placement=placement,
    )


def _hub(name: str, weights: Path | None, placement: Placement, own: SizeRule | None) -> Segmenter:
    from dataclasses import replace

    from forecast.segmentation.networks.hub_networks import hub_network

    source = HUB.get(name, name.removeprefix(HUB_PREFIX)) if weights is None else str(weights)
    network, space, mean, std = hub_network(source)
    return NetworkSegmenter(
        network,
        name=name,
        space=space,
        input_size=own or FixedSize(*_CITYSCAPES_HW),
        # Transformers are slower with channels innermost.
        placement=replace(placement, channels_last=False),
        mean=mean,
        std=std,
    )
