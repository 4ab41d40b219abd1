"""RAFT (Teed and Deng, ECCV 2020), as torchvision has it, with the authors' weights.

Promises a strict fit: every key of the file has its place and every place its key.
Axes: H W picture, h w picture padded.
"""

from __future__ import annotations

import re
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import torch.nn.functional as F
from jaxtyping import Float
from torch import Tensor, nn

from forecast.checkpoints import State, fingerprint, load_into, load_state
from forecast.device import Placement, placed, running
from forecast.errors import UsageError
from forecast.values import Frame

NETWORKS = ("raft-small", "raft-large")

SMALLEST_PX = 128
"""Shorter sides are padded by repetition, so that four levels of correlation have something."""

# Names of github.com/princeton-vl/RAFT @2888e15 core/{extractor,update}.py to torchvision's.
_RENAMED: tuple[tuple[str, str], ...] = (
    (r"^module\.", ""),
    (r"^fnet\.", "feature_encoder."),
    (r"^cnet\.", "context_encoder."),
    (r"^(\w+_encoder)\.conv1\.", r"\1.convnormrelu.0."),
    (r"^(\w+_encoder)\.norm1\.", r"\1.convnormrelu.1."),
    (r"^(\w+_encoder)\.conv2\.", r"\1.conv."),
    (r"(layer\d\.\d)\.conv(\d)\.", r"\1.convnormrelu\2.0."),
    (r"(layer\d\.\d)\.norm(\d)\.", r"\1.convnormrelu\2.1."),
    (r"update_block\.encoder\.convc(\d)\.", r"update_block.motion_encoder.convcorr\1.0."),
    (r"update_block\.encoder\.convf(\d)\.", r"update_block.motion_encoder.convflow\1.0."),
    (r"update_block\.encoder\.conv\.", "update_block.motion_encoder.conv.0."),
    (r"gru\.conv([zrq])(\d)\.", r"recurrent_block.convgru\2.conv\1."),
    (r"gru\.conv([zrq])\.", r"recurrent_block.convgru1.conv\1."),
    (r"update_block\.mask\.0\.", "mask_predictor.convrelu.0."),
    (r"update_block\.mask\.2\.", "mask_predictor.conv."),
)


def renamed(state: State) -> dict[str, Tensor]:
    """The authors' weights under torchvision's names; torchvision's own are left as they are."""
    found: dict[str, Tensor] = {}
    for name, tensor in state.items():
        # The norm of a shortcut is listed twice there: here once, as downsample.1.
        shortcut = re.sub(r"(layer\d\.0)\.norm(\d)\.", r"\1.downsample.1.", name)
        if shortcut != name and shortcut in state and _is_last_norm(name, state):
            continue
        for pattern, replacement in _RENAMED:
            name = re.sub(pattern, replacement, name)
        found[name] = tensor
    return found


def _is_last_norm(name: str, state: State) -> bool:
    later = re.sub(r"norm(\d)", lambda found: f"norm{int(found[1]) + 1}", name)
    return later not in state


class RaftFlow:
    """RAFT-small or RAFT-large: more exact than DIS, and fifty times slower on a CPU."""

    def __init__(
        self,
        weights: Path,
        *,
        name: str = "raft-small",
        placement: Placement,
        num_updates: int = 12,
    ) -> None:
        """Builds the network and fills it.

        Args:
            weights: A file of the authors or of torchvision.
            name: One of `NETWORKS`.
            placement: Where it runs; always in float32, which its correlations need.
            num_updates: Refinements of the flow.

        Raises:
            UsageError: No RAFT is called that.
            CheckpointError: The weights are missing, damaged or of another network.
        """
        if name not in NETWORKS:
            raise UsageError(f"no RAFT is called {name!r}; known: {', '.join(NETWORKS)}")
        network = _builder(name)(weights=None, progress=False)
        state = renamed(load_state(weights))
        load_into(network, state, source=str(weights))
        self._placement = replace(placement, precision="float32")
        self._network = placed(network, self._placement).eval()
        self._num_updates = num_updates
        self._name = f"{name}-{num_updates}-{fingerprint(state)[:8]}"

    @property
    def name(self) -> str:
        """Network, number of updates, and the first digits of the weights' hash."""
        return self._name

    def __call__(self, reference: Frame, moving: Frame) -> Float[Tensor, "2 H W"]:
        """Flow after the last update; `moving[p + flow[p]]` looks like `reference[p]`."""
        height, width = reference.size_hw
        pair = [self._placement.put(_padded(frame)) for frame in (reference, moving)]
        with running(self._network, self._placement) as network:
            flow = network(*pair, num_flow_updates=self._num_updates)[-1][0]
        return flow[:, :height, :width].float().cpu().clone()


def _builder(name: str) -> Callable[..., nn.Module]:
    from torchvision.models import optical_flow

    return optical_flow.raft_small if name == "raft-small" else optical_flow.raft_large


def _padded(frame: Frame) -> Float[Tensor, "1 3 h w"]:
    height, width = frame.size_hw
    below, right = (max(SMALLEST_PX, -(-side // 8) * 8) - side for side in (height, width))
    return F.pad(frame.rgb[None].float() / 127.5 - 1, (0, right, 0, below), mode="replicate")
