"""Trained one-step predictors from files of weights: what a card names is built and filled.

The network's sizes are read off the weights; its kind, label space, stride and grid off the card.
"""

from __future__ import annotations

import re
from pathlib import Path
from typing import Any

from forecast.checkpoints import ModelCard, State, fingerprint, load_into, load_state, read_card
from forecast.device import Placement
from forecast.errors import CheckpointError
from forecast.labels import space_named
from forecast.prediction.one_step.conv_lstm import ConvLSTMNetwork
from forecast.prediction.one_step.rollout import Rollout
from forecast.prediction.one_step.s2s import PAPER_CHANNELS, S2S, S2SNetwork
from forecast.prediction.one_step.x2x import X2X
from forecast.stages import Segmenter
from forecast.values import STRIDE_S

DILATIONS = {"s2s": 1, "s2s-dil": 2, "s2s-adv": 1, "x2x": 1}
"""S2S's network by the name on a card -> dilation of its inner fine layers."""
CONV_LSTM = "conv-lstm"
ONE_STEP = ("s2s", "s2s-dil", "s2s-adv", CONV_LSTM)
"""What a card of `load_one_step` may name."""
_NUM_INPUTS, _STEP_S, _GRID_HW = 4, STRIDE_S, (64, 128)


def load_one_step(path: Path, *, placement: Placement, network: str | None = None) -> Rollout:
    """The predictor of soft maps in a file, ready to be rolled out.

    Args:
        path: The file.
        placement: Where and in what precision the network runs.
        network: What its card must name; None for any of `ONE_STEP`.

    Raises:
        CheckpointError: The file is missing or damaged, its card names another kind of network,
            or its weights fit none of that kind.
    """
    card, state = _read(path, ONE_STEP if network is None else (network,))
    space = space_named(card.space)
    num_inputs, step_s, grid_hw = _window_of(card, path)
    if card.network == CONV_LSTM:
        built = conv_lstm_like(state, num_classes=space.num_classes)
    else:
        built = s2s_like(
            state,
            channels=space.num_classes,
            num_inputs=num_inputs,
            dilation=DILATIONS[card.network],
        )
    load_into(built, state, source=str(path))
    one_step = S2S(
        built,
        placement=placement,
        space=space,
        name=card.network,
        step_s=step_s,
        num_inputs=num_inputs,
        grid_hw=grid_hw,
    )
    return Rollout(one_step, fingerprint=fingerprint(state, card.network, card.space))


def load_x2x(path: Path, segmenter: Segmenter, *, placement: Placement) -> X2X:
    """The predictor of pictures in a file, whose forecasts that segmenter reads.

    Raises:
        CheckpointError: As `load_one_step`.
    """
    card, state = _read(path, ("x2x",))
    num_inputs, step_s, grid_hw = _window_of(card, path)
    network = s2s_like(state, channels=3, num_inputs=num_inputs)
    load_into(network, state, source=str(path))
    return X2X(
        network,
        segmenter,
        placement=placement,
        step_s=step_s,
        num_inputs=num_inputs,
        grid_hw=grid_hw,
        fingerprint=fingerprint(state, card.network),
    )


def s2s_like(
    state: State, *, channels: int, num_inputs: int = _NUM_INPUTS, dilation: int = 1
) -> S2SNetwork:
    """An S2S network as wide as those weights; of the paper's width if they are of another kind."""
    narrow = _outputs(state, "coarse.0.weight", PAPER_CHANNELS)
    return S2SNetwork(
        num_classes=channels,
        num_inputs=num_inputs,
        width=narrow / PAPER_CHANNELS,
        dilation=dilation,
    )


def conv_lstm_like(state: State, *, num_classes: int) -> ConvLSTMNetwork:
    """A recurrent network with as many channels as those weights."""
    return ConvLSTMNetwork(num_classes=num_classes, channels=_outputs(state, "enter.weight", 1))


def _outputs(state: State, name: str, otherwise: int) -> int:
    return state[name].shape[0] if name in state and state[name].ndim > 0 else otherwise


def _read(path: Path, known: tuple[str, ...]) -> tuple[ModelCard, State]:
    card = read_card(path)
    if card.network not in known:
        raise CheckpointError(
            f"{path} holds weights of {card.network!r}, needed is one of {', '.join(known)}; "
            f"name the predictor {card.network!r}, or give another file"
        )
    return card, load_state(path)


def _window_of(card: ModelCard, path: Path) -> tuple[int, float, tuple[int, int]]:
    """Number of inputs, stride and grid; those of training where the card leaves them out."""
    recipe = card.recipe
    try:
        num_inputs = int(recipe.get("num_inputs", _NUM_INPUTS))
        step_s = float(recipe.get("step_s", _STEP_S))
        height, width = _whole_numbers(recipe.get("grid_hw", _GRID_HW))
    except (TypeError, ValueError) as fault:
        raise CheckpointError(
            f"the card of {path} gives num_inputs, step_s or grid_hw as what is no number "
            f"({fault}); train it again"
        ) from fault
    if num_inputs < 1 or step_s <= 0 or min(height, width) < 1 or height % 2 or width % 2:
        raise CheckpointError(
            f"the card of {path} asks for {num_inputs} inputs {step_s} s apart on a grid of "
            f"{height}x{width}; needed are at least 1, above 0 s, and even sides"
        )
    return num_inputs, step_s, (height, width)


def _whole_numbers(found: Any) -> list[int]:
    return [int(one) for one in re.findall(r"\d+", str(found))]
