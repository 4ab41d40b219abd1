"""Samples drawn from clips: a short past, its flows, and labels of one or more moments after it.

Everything random comes from the generator handed in. Axes: T maps (oldest first), S = T - 1,
K classes, H W picture, h w grid.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from itertools import pairwise

import torch
from jaxtyping import Float, UInt8
from torch import Generator, Tensor

from forecast.errors import UsageError
from forecast.geometry.resize import one_hot, resize_flow, resize_rgb
from forecast.geometry.void import fill_void
from forecast.stages import FlowEstimator
from forecast.training.data.clips import Clip
from forecast.training.data.label_noise import as_if_segmented
from forecast.values import Frame, num_frames_in, num_stride_frames


@dataclass(frozen=True, slots=True, kw_only=True)
class Target:
    """The labels of one moment."""

    num_frames: int
    """Source frames after the origin."""
    ids: UInt8[Tensor, "h w"]


@dataclass(frozen=True, slots=True, kw_only=True)
class Sample:
    """A past and what came after."""

    maps: Float[Tensor, "T K h w"]
    flow: Float[Tensor, "2 h w"]
    """From the origin to the source frame before it."""
    older_flows: Float[Tensor, "S 2 h w"]
    """From each observation to the one before, newest first."""
    targets: tuple[Target, ...]
    frame_s: float
    stride_s: float
    space_name: str


@dataclass(frozen=True, slots=True, kw_only=True)
class SampleSettings:
    """What samples look like."""

    num_observations: int = 3
    step_s: float = 0.176
    stride_jitter: int = 1
    """A stride may be this many source frames longer or shorter."""
    longest_s: float = 1.1
    targets_per_sample: int = 2
    hard_share: float = 0.4
    """How often certain labels are shown instead of soft maps."""
    noisy_share: float = 0.5
    """How often annotated clips are shown as if a segmenter had seen them."""


class SampleDrawer:
    """Random samples from clips, each clip as often as its weight says.

    Args:
        clips: What to draw from.
        weights: One for each clip; they need not sum to 1.
        flow: Estimates flow between pictures; one that remembers pairs is much faster.
        settings: What samples look like.
    """

    def __init__(
        self,
        clips: Sequence[Clip],
        weights: Sequence[float],
        flow: FlowEstimator,
        settings: SampleSettings,
    ) -> None:
        if not clips:
            raise UsageError("there are no clips to learn from; name recordings or annotated data")
        self._clips = clips
        self._weights = torch.tensor(weights, dtype=torch.float64)
        self._flow = flow
        self._settings = settings

    def draw(self, generator: Generator) -> Sample:
        """One sample."""
        clip = self._clips[int(torch.multinomial(self._weights, 1, generator=generator))]
        chosen, frame_s = self._settings, clip.header.frame_s
        nominal = num_stride_frames(chosen.step_s, frame_s)
        jitter = int(
            torch.randint(-chosen.stride_jitter, chosen.stride_jitter + 1, (), generator=generator)
        )
        most = (clip.header.num_frames - 2) // chosen.num_observations
        stride = max(1, min(nominal + jitter, most))
        first = max(1, stride * (chosen.num_observations - 1))
        origin = int(torch.randint(first, clip.header.num_frames - 1, (), generator=generator))
        furthest = min(
            num_frames_in(chosen.longest_s, frame_s), clip.header.num_frames - 1 - origin
        )
        count = chosen.targets_per_sample
        ahead = sorted((1 + torch.randint(0, furthest, (count,), generator=generator)).tolist())
        hard = bool(torch.rand((), generator=generator) < chosen.hard_share)
        noisy = bool(torch.rand((), generator=generator) < chosen.noisy_share)
        sample = sample_at(
            clip, self._flow, origin, stride, ahead, chosen.num_observations, hard=hard
        )
        if noisy and clip.has_truth:
            maps = torch.stack([as_if_segmented(one, generator) for one in sample.maps])
            return replace(sample, maps=maps)
        return sample


def sample_at(
    clip: Clip,
    flow: FlowEstimator,
    origin: int,
    stride: int,
    ahead: Sequence[int],
    num_observations: int,
    *,
    hard: bool,
) -> Sample:
    """The sample of one origin."""
    indices = [origin - stride * back for back in reversed(range(num_observations))]
    grid_hw = clip.header.grid_hw
    frames = [clip.frame(index) for index in indices]
    newest_first = [_shrunk(one, grid_hw) for one in frames[::-1]]
    older = [flow(new, old) for new, old in pairwise(newest_first)]
    maps = [_shown(clip, index, hard=hard) for index in indices]
    return Sample(
        maps=torch.stack(maps),
        flow=resize_flow(flow(frames[-1], clip.frame(origin - 1)), grid_hw),
        older_flows=torch.stack(older),
        targets=tuple(Target(num_frames=one, ids=clip.ids(origin + one)) for one in ahead),
        frame_s=clip.header.frame_s,
        stride_s=stride * clip.header.frame_s,
        space_name=clip.header.space,
    )


def _shown(clip: Clip, index: int, *, hard: bool) -> Float[Tensor, "K h w"]:
    if not hard:
        return clip.soft(index)
    ids = fill_void(clip.ids(index), clip.space.void_id)
    return one_hot(ids, clip.space.num_classes)


def _shrunk(frame: Frame, size_hw: tuple[int, int]) -> Frame:
    return replace(frame, rgb=resize_rgb(frame.rgb, size_hw))
