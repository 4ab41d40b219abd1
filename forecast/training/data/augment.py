"""Samples seen another way: mirrored, and through a smaller window that may be enlarged.

What belongs together is seen through one view: maps and pictures by area or bilinearly, flows with
their directions and lengths, labels by the pixel under each centre. Every number is drawn from the
generator handed in and handed to kornia, whose own augmentations draw from the global state.
Axes: K channels or classes, H W whole grid, h w window.
"""

from __future__ import annotations

from dataclasses import dataclass, replace

import torch
from jaxtyping import Float, UInt8
from kornia.geometry.transform import crop_by_indices, hflip
from torch import Generator, Tensor

from forecast.training.data.samples import Sample, Target

WIDEST = 1.25
"""A window may show this much more than its own size, shrunk..."""
CLOSEST = 0.6
"""...or this much less, enlarged."""
ZOOM_SHARE = 0.4
"""How often a window is shrunk or enlarged at all."""


@dataclass(frozen=True, slots=True, kw_only=True)
class View:
    """A window of a grid, brought to a size and perhaps mirrored."""

    top: int
    left: int
    height: int
    width: int
    size_hw: tuple[int, int]
    """Of what is seen."""
    mirrored: bool

    def maps(self, maps: Float[Tensor, "*N K H W"]) -> Float[Tensor, "*N K h w"]:
        """Probabilities or colours; each result is a mean of its neighbours."""
        shrunk = self.height * self.width > self.size_hw[0] * self.size_hw[1]
        return self._seen(maps, "area" if shrunk else "bilinear")

    def flow(self, flow: Float[Tensor, "*N 2 H W"]) -> Float[Tensor, "*N 2 h w"]:
        """A flow in pixels of the window; mirrored, its dx changes sign."""
        across = self.size_hw[1] / self.width * (-1 if self.mirrored else 1)
        scale = flow.new_tensor([across, self.size_hw[0] / self.height])
        return self.maps(flow) * scale[:, None, None]

    def ids(self, ids: UInt8[Tensor, "H W"]) -> UInt8[Tensor, "h w"]:
        """Labels, none of them mixed."""
        return self._seen(ids[None], "nearest-exact")[0]

    def _seen(self, values: Tensor, interpolation: str) -> Tensor:
        right, bottom = self.left + self.width - 1, self.top + self.height - 1
        corners = [[self.left, self.top], [right, self.top], [right, bottom], [self.left, bottom]]
        flat = values.reshape(-1, *values.shape[-3:])  # N K H W
        box = torch.tensor(corners).expand(len(flat), 4, 2)
        seen = crop_by_indices(flat, box, self.size_hw, interpolation=interpolation)
        seen = hflip(seen) if self.mirrored else seen
        return seen.reshape(*values.shape[:-2], *self.size_hw)


def drawn_view(
    full_hw: tuple[int, int],
    window_hw: tuple[int, int],
    generator: Generator,
    *,
    zoom_share: float = ZOOM_SHARE,
) -> View:
    """A random view of a grid, mirrored half of the time.

    Args:
        full_hw: H, W.
        window_hw: h, w; no larger than the grid.
        generator: Decides everything.
        zoom_share: How often it is shrunk or enlarged.
    """
    draws = torch.rand(4, generator=generator).tolist()
    scale = CLOSEST + (WIDEST - CLOSEST) * draws[1] if draws[0] < zoom_share else 1.0
    scale = min(scale, *(whole / side for whole, side in zip(full_hw, window_hw, strict=True)))
    height, width = (round(side * scale) for side in window_hw)
    return View(
        top=round(draws[2] * (full_hw[0] - height)),
        left=round(draws[3] * (full_hw[1] - width)),
        height=height,
        width=width,
        size_hw=window_hw,
        mirrored=bool(torch.rand((), generator=generator) < 0.5),
    )


def augmented(sample: Sample, window_hw: tuple[int, int], generator: Generator) -> Sample:
    """The sample through a random window of that size, mirrored half of the time."""
    height, width = sample.maps.shape[-2:]
    view = drawn_view((height, width), window_hw, generator)
    return replace(
        sample,
        maps=view.maps(sample.maps),
        flow=view.flow(sample.flow),
        older_flows=view.flow(sample.older_flows),
        before=None if sample.before is None else view.maps(sample.before),
        targets=tuple(
            Target(num_frames=one.num_frames, ids=view.ids(one.ids)) for one in sample.targets
        ),
    )
