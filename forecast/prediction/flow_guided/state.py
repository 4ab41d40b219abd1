"""What an autoregressive flow-guided forecast carries from one step to the next.

Not a map that is resampled again and again, which blurs: the state is where each pixel lies in the
origin, how much of its velocity it has lost, and what was added to the log-probabilities. Each
stride the present motion advances it, the network corrects it in view of the forecast that it
stands for, and the origin's map is read once, at the end. Uncorrected it is the trajectory rule of
`flow-warp`, to the bit. Axes: T observations, K classes, H W grid.
"""

from __future__ import annotations

from dataclasses import dataclass

import torch
from jaxtyping import Float
from torch import Tensor

from forecast.geometry.warp import warp
from forecast.prediction.flow_guided.network import (
    Correction,
    Scene,
    applied,
    bent_displacement,
    factor_of,
)
from forecast.prediction.flow_guided.scene import Past, scene_at

LOG_LIMIT = 6.0
"""Log-evidence stays within this: what raises a class that the map rules out to near certainty."""


@dataclass(frozen=True, slots=True, kw_only=True)
class State:
    """A forecast of one moment, as what the origin's map must go through to become it."""

    displacement: Float[Tensor, "2 H W"]
    """Where each pixel lies in the origin, minus where it is."""
    slack: Float[Tensor, "1 H W"]
    """Share of its velocity that each pixel has lost."""
    log_evidence: Float[Tensor, "K H W"]
    """Added to the log-probabilities."""
    num_steps: int = 0
    """Strides since the origin."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Advance:
    """A state one stride later, as motion alone has it; the network has yet to speak."""

    state: State
    reached: Float[Tensor, "2 H W"]
    """The displacement if no velocity were lost."""
    moved: Float[Tensor, "2 H W"]
    """What this stride added to it."""
    scene: Scene
    """What the network is shown."""


def at_origin(past: Past) -> State:
    """The state that forecasting begins with: nothing moved, nothing learnt."""
    zero = torch.zeros_like(past.flow)
    return State(displacement=zero, slack=zero[:1], log_evidence=torch.zeros_like(past.maps[-1]))


def advanced(past: Past, state: State) -> Advance:
    """One stride on: each pixel moves as the origin moved where it has come from."""
    reached = state.displacement
    for _ in range(round(past.stride_s / past.frame_s)):
        reached = reached + warp(past.flow, reached)
    moved = reached - state.displacement
    slack, evidence = state.slack, state.log_evidence
    if state.num_steps:
        # What was learnt of a thing moves with it.
        slack, evidence = warp(slack, moved), warp(evidence, moved)
    now = State(
        displacement=reached - slack * moved,
        slack=slack,
        log_evidence=evidence,
        num_steps=state.num_steps + 1,
    )
    scene = scene_at(
        past,
        now.displacement,
        horizon_s=now.num_steps * past.stride_s,
        elapsed_s=state.num_steps * past.stride_s,
        belief=belief_of(past, now),
    )
    return Advance(state=now, reached=reached, moved=moved, scene=scene)


def corrected(advance: Advance, correction: Correction) -> State:
    """The state as the network has it.

    Args:
        advance: Of one sample.
        correction: For its scene alone.
    """
    state = advance.state
    slack = state.slack + correction.slack[0]
    bend = bent_displacement(torch.zeros_like(advance.reached)[None], correction)[0]
    change = factor_of(advance.scene, correction)[0].log()
    return State(
        displacement=advance.reached - slack * advance.moved + bend,
        slack=slack,
        log_evidence=(state.log_evidence + change).clamp(-LOG_LIMIT, LOG_LIMIT),
        num_steps=state.num_steps,
    )


def belief_of(past: Past, state: State) -> Float[Tensor, "K H W"]:
    """The forecast that a state stands for, on the network's grid."""
    carried = warp(past.maps[-1], state.displacement)
    return applied(carried[None], state.log_evidence.exp()[None])[0]
