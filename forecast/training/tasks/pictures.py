"""TensorBoard pictures: input, prediction and target of a network that learns.

Axes: T inputs, L moments of a run, C classes or colours,
H W picture, h w grid.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import torch
from jaxtyping import Float, UInt8
from torch import Tensor, nn

from forecast.geometry.resize import resize_ids
from forecast.labels import CITYSCAPES, LabelSpace
from forecast.prediction.flow_guided.network import FlowGuidedNetwork
from forecast.training.data.samples import Sample
from forecast.training.tasks.flow_guided import corrected, exercises_of
from forecast.training.tasks.flow_rollout import rolled
from forecast.training.tasks.one_step import unrolled
from forecast.training.tasks.segmenter import SegmenterTask

Pictures = Mapping[str, UInt8[Tensor, "3 H W"]]
_GAP_PX = 4


def flow_guided_pictures(network: FlowGuidedNetwork, looks: Mapping[str, Sample]) -> Pictures:
    """Past map, forecast and truth for each target of each sample, by name and time ahead."""
    found: dict[str, UInt8[Tensor, "3 H W"]] = {}
    for name, sample in looks.items():
        past = coloured(sample.maps[-1].argmax(dim=0))
        for exercise, target in zip(exercises_of(sample), sample.targets, strict=True):
            belief = corrected(network, exercise)[0]
            ahead_s = target.num_frames * sample.frame_s
            panels = [past, coloured(belief.argmax(dim=0)), coloured(target.ids)]
            found[f"{name} {ahead_s:.1f} s"] = beside(panels)
    return found


def flow_rollout_pictures(network: FlowGuidedNetwork, looks: Mapping[str, Sample]) -> Pictures:
    """The same for a network that is rolled out, for each of its steps."""
    found: dict[str, UInt8[Tensor, "3 H W"]] = {}
    for name, sample in looks.items():
        past = coloured(sample.maps[-1].argmax(dim=0))
        for target, belief in zip(sample.targets, rolled(network, [sample]), strict=True):
            ahead_s = target.num_frames * sample.frame_s
            panels = [past, coloured(belief[0].argmax(dim=0)), coloured(target.ids)]
            found[f"{name} {ahead_s:.1f} s"] = beside(panels)
    return found


def one_step_pictures(
    network: nn.Module, runs: Mapping[str, Float[Tensor, "L C h w"]], *, num_inputs: int
) -> Pictures:
    """Past map or picture, forecast and truth for each step of each run, by name and step."""
    device = next(network.parameters()).device
    found: dict[str, UInt8[Tensor, "3 H W"]] = {}
    for name, run in runs.items():
        steps = unrolled(network, run[None, :num_inputs].to(device), len(run) - num_inputs)
        for index, maps in enumerate(steps):
            shown = (run[num_inputs - 1], maps[0][0], run[num_inputs + index])
            found[f"{name} step {index + 1}"] = beside([_drawn(one) for one in shown])
    return found


def segmenter_pictures(task: SegmenterTask, space: LabelSpace, num_pictures: int = 4) -> Pictures:
    """Picture, label and prediction of some that training does not see."""
    found: dict[str, UInt8[Tensor, "3 H W"]] = {}
    for index, one in enumerate(task.develop[:num_pictures]):
        size_hw = (one.rgb.shape[-2], one.rgb.shape[-1])
        taught = one.belief.argmax(dim=0)
        taught[one.belief.amax(dim=0) == 0] = space.void_id
        labels = (taught, task.said(one))
        drawn = [coloured(resize_ids(ids.byte().cpu(), size_hw), space) for ids in labels]
        found[f"held out {index}"] = beside([one.rgb, *drawn])
    return found


def coloured(ids: Tensor, space: LabelSpace = CITYSCAPES) -> UInt8[Tensor, "3 H W"]:
    """Labels in the colours of their classes; void is black."""
    palette = torch.from_numpy(space.palette())
    return palette[ids.cpu().long()].movedim(-1, 0).contiguous()


def beside(panels: Sequence[UInt8[Tensor, "3 H W"]]) -> UInt8[Tensor, "3 H W2"]:
    """Panels of one size from left to right, white between them."""
    gap = panels[0].new_full((*panels[0].shape[:2], _GAP_PX), 255)
    joined = [part for panel in panels for part in (gap, panel)]
    return torch.cat(joined[1:], dim=-1)


def _drawn(maps: Float[Tensor, "C h w"]) -> UInt8[Tensor, "3 H W"]:
    if len(maps) == CITYSCAPES.num_classes:
        return coloured(maps.argmax(dim=0))
    return (maps.detach().float().cpu().clamp(0, 1) * 255).round().byte()
