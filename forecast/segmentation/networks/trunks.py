"""Trunks of segmentation networks, filled with torchvision's weights of the pictures' classes.

VGG16's stand where torchvision's do; a ResNet's stand under other names, told here. Trunks of
another width do not fit, and are refused.
"""

from __future__ import annotations

import re
from collections.abc import Mapping

from torch import Tensor, nn

from forecast.checkpoints import State, load_into
from forecast.errors import CheckpointError
from forecast.segmentation.trainable import Trunk

_PARTS: Mapping[str, str] = {
    "conv1": "reduce.0",
    "bn1": "reduce.1",
    "conv2": "middle.0",
    "bn2": "middle.1",
    "conv3": "increase.0",
    "bn3": "increase.1",
    "downsample.0": "shortcut.0",
    "downsample.1": "shortcut.1",
}
_BLOCK = re.compile(r"layer(\d)\.(\d+)\.(conv\d|bn\d|downsample\.\d)\.(.+)")
_COUNTER = "num_batches_tracked"


def load_trunk(network: nn.Module, trunk: Trunk, state: State, *, source: str) -> None:
    """Fill a network's trunk; what follows it keeps its weights.

    Args:
        network: Has that trunk.
        trunk: Which.
        state: torchvision's weights of the whole classifier.
        source: Where they came from, for the message.

    Raises:
        CheckpointError: They are of another network, or of another width.
    """
    is_residual = trunk.where == ""
    told = _residual(state) if is_residual else _convolutions(state)
    if not told:
        raise CheckpointError(
            f"{source} holds nothing of a {trunk.name}; give torchvision's weights of that network"
        )
    part = _top(network) if is_residual else network.get_submodule(trunk.where)
    # Files of torchvision's early versions lack the counters of batch norms.
    counters = {name: one for name, one in part.state_dict().items() if name.endswith(_COUNTER)}
    load_into(part, counters | told, source=source)


def _convolutions(state: State) -> dict[str, Tensor]:
    return {
        name.removeprefix("features."): one
        for name, one in state.items()
        if name.startswith("features.")
    }


def _residual(state: State) -> dict[str, Tensor]:
    found: dict[str, Tensor] = {}
    for name, one in state.items():
        if name.startswith("conv1."):
            found[name.replace("conv1", "stem.0", 1)] = one
        elif name.startswith("bn1."):
            found[name.replace("bn1", "stem.1", 1)] = one
        elif (match := _BLOCK.fullmatch(name)) is not None:
            level, block, part, rest = match.groups()
            found[f"stages.{int(level) - 1}.{block}.{_PARTS[part]}.{rest}"] = one
    return found


def _top(network: nn.Module) -> nn.ModuleDict:
    return nn.ModuleDict({name: network.get_submodule(name) for name in ("stem", "stages")})
