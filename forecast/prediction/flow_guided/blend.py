"""The warp, blended with what else may be true: no training, no classes, no segmenter's habits.

Where motion was misjudged, an older map, another flow or the still map is right instead; the mean
of them is wrong less often than any. The shares were chosen on development drives
(docs/experiments.md) and gain strength with the horizon, as a network's do. Axes: B batch, M maps
that are mixed in, K classes, H W grid.
"""

from __future__ import annotations

from collections.abc import Mapping

import torch
from jaxtyping import Float
from torch import Tensor, nn

from forecast.device import Placement
from forecast.prediction.flow_guided.network import Correction, Scene, strength_at
from forecast.prediction.flow_guided.predictor import ON_CPU, FlowGuided
from forecast.stages import FlowEstimator

SHARES: Mapping[str, float] = {
    "older": 0.1,
    "before": 0.15,
    "arriving": 0.1,
    "longer": 0.3,
    "still": 0.25,
    "blurred": 0.0,
}
"""Of the map a stride ago, that of the frame before the origin, and the origin's: carried by the
velocity of what arrives, by that of the last stride, left where it was, and blurred. The rest is
the warp's."""


class Blend(nn.Module):
    """Stands where a network stands, and always says the same."""

    shares: Float[Tensor, " M"]
    num_maps = 3
    """The origin's, one a stride ago, and that of the frame before the origin."""

    def __init__(self) -> None:
        super().__init__()
        self.register_buffer("shares", torch.tensor(list(SHARES.values())))

    def forward(self, scene: Scene) -> Correction:
        """The same shares everywhere, nothing bent and no class favoured."""
        maps = scene.still
        batch, _, height, width = maps.shape
        shares = strength_at(scene.horizon_s) * self.shares[:, None, None]
        return Correction(
            slack=maps.new_zeros(batch, 1, height, width),
            bend=maps.new_zeros(batch, 2, height, width),
            weights=shares.expand(batch, -1, height, width),
            evidence=torch.zeros_like(maps),
        )


def flow_warp_blend(flow: FlowEstimator, *, placement: Placement = ON_CPU) -> FlowGuided:
    """The predictor `flow-warp-blend`, for any classes.

    Args:
        flow: Between frames; one that remembers pairs saves most of its cost on video.
        placement: Where the maps are mixed.
    """
    told = ", ".join(f"{name} {share:g}" for name, share in SHARES.items())
    return FlowGuided(
        Blend(), flow, placement=placement, name="flow-warp-blend", space=None, fingerprint=told
    )
