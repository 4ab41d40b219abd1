"""Samples drawn from clips: a short past, its flows, and labels of one or more moments after it.

Everything random comes from the generator handed in. Axes: T maps (oldest first), S = T - 1,
K classes, H W picture, h w grid.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
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
    """From the origin to the frame `num_flow_frames` before it."""
    older_flows: Float[Tensor, "S 2 h w"]
    """From each observation to the one before, newest first."""
    targets: tuple[Target, ...]
    frame_s: float
    stride_s: float
    space_name: str
    before: Float[Tensor, "K h w"] | None = None
    """The map of the source frame before the origin, where it is shown."""
    num_flow_frames: int = 1


@dataclass(frozen=True, slots=True, kw_only=True)
class SampleSettings:
    """What samples look like."""

    num_observations: int = 2
    step_s: float = 0.176
    stride_jitter: int = 1
    """A stride may be this many source frames longer or shorter."""
    longest_s: float = 1.1
    targets_per_sample: int = 2
    unroll: int = 0
    """Targets at this many strides instead, one after the other; 0 draws them anywhere."""
    hard_share: float = 0.4
    """How often certain labels are shown instead of soft maps."""
    noisy_share: float = 0.5
    """How often annotated clips are shown as if a segmenter had seen them."""
    strided_share: float = 0.2
    """How often nothing is shown of the frame before the origin: the published inputs."""
    own_share: float = 0.5
    """How often the segmenter's own labels are the target although there is an annotation."""
    temper: float = 0.7
    """Soft maps are raised to a power between e to minus this and e to this, then normalised: how
    sure it is of itself differs from one segmenter to the next."""


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
        stride = self._stride(clip, generator)
        origin, ahead = self._moments(clip, stride, generator)
        chosen = self._settings
        hard, noisy, strided, own = (
            bool(torch.rand((), generator=generator) < share)
            for share in (
                chosen.hard_share,
                chosen.noisy_share,
                chosen.strided_share,
                chosen.own_share,
            )
        )
        sample = sample_at(
            clip,
            self._flow,
            origin,
            stride,
            ahead,
            chosen.num_observations,
            hard=hard,
            strided=strided,
            own=own,
        )
        if clip.has_soft:
            power = math.exp(chosen.temper * (2 * torch.rand((), generator=generator).item() - 1))
            return sample if hard else seen_as(sample, lambda maps: _tempered(maps, power))
        return seen_as(sample, lambda maps: as_if_segmented(maps, generator)) if noisy else sample

    def _stride(self, clip: Clip, generator: Generator) -> int:
        chosen = self._settings
        nominal = num_stride_frames(chosen.step_s, clip.header.frame_s)
        jitter = torch.randint(
            -chosen.stride_jitter, chosen.stride_jitter + 1, (), generator=generator
        )
        most = (clip.header.num_frames - 2) // (chosen.num_observations + chosen.unroll)
        return max(1, min(nominal + int(jitter), most))

    def _moments(self, clip: Clip, stride: int, generator: Generator) -> tuple[int, list[int]]:
        """An origin, and how many frames after it the targets lie."""
        chosen, count = self._settings, clip.header.num_frames
        first = max(1, stride * (chosen.num_observations - 1))
        last = count - 1 - max(1, stride * chosen.unroll)
        origin = int(torch.randint(first, last + 1, (), generator=generator))
        if chosen.unroll:
            return origin, [stride * (1 + step) for step in range(chosen.unroll)]
        furthest = min(num_frames_in(chosen.longest_s, clip.header.frame_s), count - 1 - origin)
        drawn = 1 + torch.randint(0, furthest, (chosen.targets_per_sample,), generator=generator)
        return origin, sorted(drawn.tolist())


def seen_as(sample: Sample, change: Callable[[Tensor], Tensor]) -> Sample:
    """The sample with each of its maps changed."""
    maps = torch.stack([change(one) for one in sample.maps])
    return replace(
        sample, maps=maps, before=None if sample.before is None else change(sample.before)
    )


def _tempered(maps: Float[Tensor, "K h w"], power: float) -> Float[Tensor, "K h w"]:
    raised = maps**power
    return raised / raised.sum(dim=0, keepdim=True).clamp_min(1e-6)


def sample_at(
    clip: Clip,
    flow: FlowEstimator,
    origin: int,
    stride: int,
    ahead: Sequence[int],
    num_observations: int,
    *,
    hard: bool,
    strided: bool = False,
    own: bool = False,
) -> Sample:
    """The sample of one origin.

    Args:
        clip: What it is taken from.
        flow: Between its pictures.
        origin: Index of the last observation.
        stride: Frames between two observations.
        ahead: Frames from the origin to each target.
        num_observations: T.
        hard: Whether labels are shown instead of soft maps.
        strided: Whether only the observations are shown, as the published inputs are.
        own: Whether the segmenter's labels are the target even where there is an annotation.
    """
    indices = [origin - stride * back for back in reversed(range(num_observations))]
    grid_hw = clip.header.grid_hw
    frames = [clip.frame(index) for index in indices]
    newest_first = [_shrunk(one, grid_hw) for one in frames[::-1]]
    older = [flow(new, old) for new, old in pairwise(newest_first)]
    maps = [_shown(clip, index, hard=hard) for index in indices]
    back = stride if strided else 1
    wanted = clip.said if own else clip.ids
    return Sample(
        maps=torch.stack(maps),
        flow=resize_flow(flow(frames[-1], clip.frame(origin - back)), grid_hw),
        older_flows=torch.stack(older),
        targets=tuple(Target(num_frames=one, ids=wanted(origin + one)) for one in ahead),
        frame_s=clip.header.frame_s,
        stride_s=stride * clip.header.frame_s,
        space_name=clip.header.space,
        before=None if strided else _shown(clip, origin - 1, hard=hard),
        num_flow_frames=back,
    )


def _shown(clip: Clip, index: int, *, hard: bool) -> Float[Tensor, "K h w"]:
    if not hard:
        return clip.soft(index)
    ids = fill_void(clip.said(index), clip.space.void_id)
    return one_hot(ids, clip.space.num_classes)


def _shrunk(frame: Frame, size_hw: tuple[int, int]) -> Frame:
    return replace(frame, rgb=resize_rgb(frame.rgb, size_hw))
