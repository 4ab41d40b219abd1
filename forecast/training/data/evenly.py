"""Evenly spaced runs of maps or pictures, for networks that step from one to the next.

Axes: L moments (oldest first), C classes or colours, h w grid.
"""

from __future__ import annotations

from collections.abc import Sequence

import torch
from jaxtyping import Float
from torch import Generator, Tensor

from forecast.errors import UsageError
from forecast.geometry.resize import resize_rgb
from forecast.training.data.augment import drawn_view
from forecast.training.data.clips import Clip
from forecast.values import num_stride_frames


class EvenDrawer:
    """Random runs from clips, each clip as often as its weight says.

    Args:
        clips: What to draw from; those too short for a run are left out.
        weights: One for each clip.
        length: L.
        step_s: Stride; the nearest whole number of source frames is taken.
        pictures: Runs of pictures in 0 to 1, not of soft maps.
        window_hw: Size of a random window on the grid.
        zoom_share: How often the window is shrunk or enlarged.
    """

    def __init__(
        self,
        clips: Sequence[Clip],
        weights: Sequence[float],
        *,
        length: int,
        step_s: float = 3 / 17,
        pictures: bool = False,
        window_hw: tuple[int, int] = (64, 128),
        zoom_share: float = 0.0,
    ) -> None:
        strides = [num_stride_frames(step_s, one.header.frame_s) for one in clips]
        kept = [
            (clip, weight, stride)
            for clip, weight, stride in zip(clips, weights, strides, strict=True)
            if clip.header.num_frames > stride * (length - 1)
        ]
        if not kept:
            raise UsageError(f"no clip is as long as {length} steps of {step_s:.3f} s; add longer")
        self._kept = kept
        self._weights = torch.tensor([weight for _, weight, _ in kept], dtype=torch.float64)
        self._length, self._pictures = length, pictures
        self._window_hw, self._zoom_share = window_hw, zoom_share

    def draw(self, generator: Generator) -> Float[Tensor, "L C h w"]:
        """One run through a random window, mirrored half of the time."""
        clip, _, stride = self._kept[int(torch.multinomial(self._weights, 1, generator=generator))]
        span = stride * (self._length - 1)
        first = int(torch.randint(0, clip.header.num_frames - span, (), generator=generator))
        run = even_run(clip, range(first, first + span + 1, stride), pictures=self._pictures)
        height, width = run.shape[-2:]
        view = drawn_view((height, width), self._window_hw, generator, zoom_share=self._zoom_share)
        return view.maps(run)


def even_run(clip: Clip, indices: Sequence[int], *, pictures: bool) -> Float[Tensor, "L C h w"]:
    """What those frames of a clip show: soft maps, or pictures in 0 to 1, on the clip's grid."""
    if not pictures:
        return torch.stack([clip.soft(index) for index in indices])
    frames = [resize_rgb(clip.frame(index).rgb, clip.header.grid_hw) for index in indices]
    return torch.stack(frames).float() / 255
