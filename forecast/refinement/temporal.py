"""Maps smoothed along the flow: far less flicker, and on some drives a better mIoU.

    s(t) = a warp(s(t - 1)) + (1 - a) p(t)

a is the weight, and 0 where the picture before does not show the place: where forward and backward
flow disagree, or its source lies outside. What was smoothed is what the next frame is mixed with,
so a result depends on every frame since the last reset.
Axes: K classes, h w grid of the maps, H W pictures that flow is estimated on.
"""

from __future__ import annotations

from dataclasses import dataclass, replace

import torch
from jaxtyping import Float
from torch import Tensor

from forecast.checkpoints import fingerprint
from forecast.errors import UsageError
from forecast.geometry.resize import resize_flow, resize_maps, resize_rgb
from forecast.geometry.visibility import came_into_view
from forecast.geometry.warp import warp, warp_rgb
from forecast.refinement.probabilities import probabilities_of
from forecast.stages import FlowEstimator
from forecast.values import Frame, Segmentation


@dataclass(frozen=True, slots=True, kw_only=True)
class TemporalSettings:
    """The rule's numbers; docs/experiments.md says what others were worth."""

    weight: float = 0.7
    """Of the past, from 0 to below 1."""
    tolerance_px: float = 1.0
    """How far a round trip may miss, in pixels of the pictures that flow is estimated on."""
    gate_rgb: float | None = None
    """Where a pixel's colour has changed by this much (0 to 255), the weight is 0.6 of itself."""
    flow_scale: float = 2.0
    """Pixels for each cell of the maps, each way, of the pictures that flow is estimated on."""

    def __post_init__(self) -> None:
        if not 0 <= self.weight < 1:
            raise UsageError(f"the past's weight is {self.weight}; it must be from 0 to below 1")
        if min(self.tolerance_px, self.flow_scale) <= 0 or (self.gate_rgb or 1) <= 0:
            raise UsageError(
                f"temporal refinement was given a tolerance of {self.tolerance_px} px, a gate of "
                f"{self.gate_rgb} and a flow scale of {self.flow_scale}; all must be above 0"
            )


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class _Past:
    """What the next frame is mixed with."""

    picture: Frame
    probs: Float[Tensor, "K h w"]


class Temporal:
    """Exponential smoothing along the flow from the frame before.

    Args:
        flow: Estimates the flow, both ways.
        settings: The rule's numbers.
    """

    name = "temporal"
    remembers = True

    def __init__(self, flow: FlowEstimator, settings: TemporalSettings | None = None) -> None:
        self._flow = flow
        self._settings = settings or TemporalSettings()
        self._past: _Past | None = None
        self.fingerprint = fingerprint({}, self.name, self._settings, flow.name)

    def __call__(self, segmentation: Segmentation, frame: Frame) -> Segmentation:
        """The segmentation, mixed with those before it since the last reset."""
        probs = probabilities_of(segmentation, self.name)
        picture = self._picture(frame, segmentation.grid_hw)
        past = self._past
        if past is not None and past.probs.shape == probs.shape:
            carried, weight = self._carried(past, picture)
            probs = torch.lerp(probs, carried, weight.to(probs.device))
        self._past = _Past(picture=picture, probs=probs)
        return replace(segmentation, probs=probs)

    def reset(self) -> None:
        """Forget the past: a new clip or epoch begins."""
        self._past = None

    def _picture(self, frame: Frame, grid_hw: tuple[int, int]) -> Frame:
        """The frame as flow sees it: no larger than it is."""
        size = [
            min(side, round(self._settings.flow_scale * cells))
            for side, cells in zip(frame.size_hw, grid_hw, strict=True)
        ]
        return Frame(at=frame.at, rgb=resize_rgb(frame.rgb, (size[0], size[1])))

    def _carried(
        self, past: _Past, picture: Frame
    ) -> tuple[Float[Tensor, "K h w"], Float[Tensor, "h w"]]:
        """The past on the new frame, and how much it counts there."""
        backward = self._flow(picture, past.picture)
        forward = self._flow(past.picture, picture)
        hidden = came_into_view(
            backward.cpu().numpy(),
            forward.cpu().numpy(),
            tolerance_px=self._settings.tolerance_px,
        )
        weight = self._settings.weight * torch.from_numpy(~hidden).float()
        if self._settings.gate_rgb is not None:
            weight *= self._gate(past.picture, picture, backward, self._settings.gate_rgb)
        grid_hw = (past.probs.shape[1], past.probs.shape[2])
        carried = warp(past.probs, resize_flow(backward, grid_hw))
        return carried, resize_maps(weight[None], grid_hw)[0]

    @staticmethod
    def _gate(
        before: Frame, now: Frame, backward: Float[Tensor, "2 H W"], sigma: float
    ) -> Float[Tensor, "H W"]:
        """1 where the colour stayed, falling as a Gaussian of the change."""
        change = warp_rgb(before.rgb, backward).cpu().float() - now.rgb.cpu().float()
        return (-0.5 * change.square().mean(0) / sigma**2).exp()
