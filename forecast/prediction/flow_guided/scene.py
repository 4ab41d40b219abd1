"""Past maps carried to one moment of the future, each by its own flow: what the network is shown.

Training and forecasting both come through here, so that a network sees in use what it learnt from.
Knows flows and maps on one grid, not where they come from.
Axes: B batch (1 here), T observations (oldest first), K classes, H W grid.
"""

from __future__ import annotations

from dataclasses import dataclass, fields

import torch
import torch.nn.functional as F
from jaxtyping import Float
from torch import Tensor

from forecast.geometry.warp import followed, warp
from forecast.prediction.flow_guided.network import Scene

_NEARBY = 9
"""Cells across in which something may come from."""
_ITERATIONS = 3


@dataclass(frozen=True, slots=True, kw_only=True)
class Past:
    """What is known at the origin, on the network's grid."""

    maps: Float[Tensor, "T K H W"]
    """Of the observations."""
    flow: Float[Tensor, "2 H W"]
    """From the origin back to a time `frame_s` earlier."""
    older_flows: Float[Tensor, "S 2 H W"]
    """From each observation to the one before it, newest first; S = T - 1, at least 1."""
    frame_s: float
    stride_s: float
    before: Float[Tensor, "K H W"] | None = None
    """The map of the moment that `flow` leads to, where there is one between two observations."""


def scene_at(
    past: Past,
    displacement: Float[Tensor, "2 H W"],
    *,
    horizon_s: float,
    elapsed_s: float = 0.0,
    belief: Float[Tensor, "K H W"] | None = None,
) -> Scene:
    """What the network is shown for the moment that `displacement` leads to.

    Args:
        past: What is known.
        displacement: Where each pixel of the future lies in the origin, minus where it is.
        horizon_s: Of that moment.
        elapsed_s: How much of the way is corrected already.
        belief: What is believed of that moment so far; None is the origin's map, carried there.
    """
    newest = warp(past.maps[-1], displacement) if belief is None else belief
    near = displacement + warp(past.flow, displacement)
    reached, carried, inside = displacement, [newest], [_inside(displacement)]
    velocities = [(near - displacement) / past.frame_s]
    if past.before is None:
        carried.append(newest)
        inside.append(torch.zeros_like(inside[0]))
    else:
        carried.append(warp(past.before, near))
        inside.append(_inside(near))
    for steps, flow in enumerate(past.older_flows, start=1):
        move = warp(flow, reached)
        reached = reached + move
        velocities.append(move / past.stride_s)
        carried.append(warp(past.maps[-1 - steps], reached))
        inside.append(_inside(reached))
    carries, doubt = _carrying(past.flow, horizon_s / past.frame_s)
    steady = past.older_flows[0] * (past.frame_s / past.stride_s)
    (longer,) = followed(steady, [horizon_s / past.frame_s])
    options = torch.stack([carries, longer])
    return Scene(
        options=(options - displacement)[None],
        otherwise=torch.stack([warp(past.maps[-1], one) for one in options])[None],
        doubt=doubt[None],
        carried=torch.stack(carried[::-1])[None],
        still=past.maps[-1][None],
        displacement=displacement[None],
        velocities=torch.cat(velocities)[None],
        inside=torch.stack(inside[::-1])[None],
        horizon_s=torch.tensor([horizon_s], dtype=torch.float32),
        elapsed_s=torch.tensor([elapsed_s], dtype=torch.float32),
    )


def placed(scene: Scene, device: torch.device) -> Scene:
    """The scene on the device that the network is on."""
    return Scene(**{one.name: getattr(scene, one.name).to(device) for one in fields(Scene)})


def _inside(displacement: Float[Tensor, "2 H W"]) -> Float[Tensor, "H W"]:
    height, width = displacement.shape[-2:]
    x = torch.arange(width) + displacement[0].detach()
    y = torch.arange(height)[:, None] + displacement[1].detach()
    return ((x >= 0) & (x <= width - 1) & (y >= 0) & (y <= height - 1)).float()


def _carrying(
    flow: Float[Tensor, "2 H W"], steps: float
) -> tuple[Float[Tensor, "2 H W"], Float[Tensor, "1 H W"]]:
    """Backward displacement that is consistent with constant velocity, and how sure it is.

    The fixed point of d(p) = steps * flow(p + d(p)), found by iteration from the fastest flow
    nearby, so that a moving object is found where it will be and not only where it is.
    """
    speed = flow.square().sum(dim=0)[None, None]
    index = F.max_pool2d(speed, _NEARBY, 1, _NEARBY // 2, return_indices=True)[1]
    found = steps * flow.flatten(1)[:, index.flatten()].reshape(flow.shape)
    for _ in range(_ITERATIONS):
        found = steps * warp(flow, found)
    again = steps * warp(flow, found)
    gap, length = (torch.hypot(*one) for one in (again - found, found))
    doubt = gap / (1 + length)
    return found, doubt[None]
