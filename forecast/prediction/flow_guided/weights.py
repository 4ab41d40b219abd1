"""The flow-guided predictors from a file of weights."""

from __future__ import annotations

from pathlib import Path

from forecast.checkpoints import fingerprint, load_into, load_state, read_card
from forecast.device import Placement
from forecast.errors import CheckpointError
from forecast.labels import space_named
from forecast.prediction.flow_guided.network import WIDTHS, FlowGuidedNetwork
from forecast.prediction.flow_guided.predictor import FlowGuided
from forecast.prediction.flow_guided.rollout import FlowRollout
from forecast.stages import FlowEstimator

NUM_OBSERVATIONS = 2
NUM_MAPS = NUM_OBSERVATIONS + 1
"""One of each, and that of the frame before the origin."""
DIRECT = {f"flow-guided-{size}": width for size, width in WIDTHS.items()}
ROLLED = {"flow-rollout-small": WIDTHS["small"]}
NAMES = DIRECT | ROLLED
"""Every flow-guided network by name, and how wide it is."""


def load_flow_guided(
    path: Path, flow: FlowEstimator, *, placement: Placement
) -> FlowGuided | FlowRollout:
    """The flow-guided predictor that a file's card names.

    Args:
        path: Written by `forecast train`, or bundled.
        flow: Between frames; one that remembers pairs saves most of its cost on video.
        placement: Where the network runs.

    Raises:
        CheckpointError: The file is missing or damaged, or of another network.
    """
    card, state = read_card(path), load_state(path)
    if card.network not in NAMES:
        raise CheckpointError(
            f"{path} holds weights of {card.network!r}, needed is one of {', '.join(NAMES)}; "
            f"name the predictor {card.network!r}, or give another file"
        )
    space = space_named(card.space)
    network = FlowGuidedNetwork(
        num_classes=space.num_classes, num_maps=NUM_MAPS, width=NAMES[card.network]
    )
    load_into(network, state, source=str(path))
    direct = FlowGuided(
        network,
        flow,
        placement=placement,
        name=card.network,
        space=space,
        fingerprint=fingerprint(state, card.network, card.space),
    )
    return FlowRollout(direct, name=card.network) if card.network in ROLLED else direct
