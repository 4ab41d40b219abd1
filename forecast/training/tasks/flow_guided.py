"""What a flow-guided predictor learns from: samples, seen as it will see them, and their labels.

Joins the rooms that do not know each other: training draws samples and counts losses, prediction
makes scenes and corrections of them. The network looks at a grid half as fine as the sample's, so
that it learns to correct maps finer than what it sees. Axes: B batch, K classes, H W the sample's
grid, h w the network's.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, fields

import numpy as np
import torch
from jaxtyping import Float, Int64
from numpy.typing import NDArray
from torch import Generator, Tensor

from forecast.confusion import confusion, mean_iou
from forecast.geometry.resize import resize_flow, resize_maps
from forecast.geometry.warp import followed, warp
from forecast.labels import CITYSCAPES, LabelSpace
from forecast.prediction.flow_guided.network import (
    FLOOR,
    FlowGuidedNetwork,
    Scene,
    bent_displacement,
    factor_of,
)
from forecast.prediction.flow_guided.scene import Past, placed, scene_at
from forecast.prediction.warping.flow_warp_splat import splatted
from forecast.training.data.augment import augmented
from forecast.training.data.samples import Sample, SampleDrawer
from forecast.training.tasks.losses import cross_entropy, soft_jaccard


@dataclass(frozen=True, slots=True, kw_only=True)
class Exercise:
    """What is to be corrected, and what came true."""

    scene: Scene
    maps: Float[Tensor, "B K H W"]
    """The origin's."""
    paths: Float[Tensor, "B 2 H W"]
    """Where the warp takes each pixel of the future from."""
    ids: Int64[Tensor, "B H W"]


@dataclass(frozen=True, slots=True, kw_only=True)
class FlowGuidedSettings:
    """How batches are made and weighed."""

    batch: int = 4
    """Samples; each gives as many scenes as it has targets."""
    window_hw: tuple[int, int] = (96, 192)
    """Of the sample's grid."""
    entropy: float = 0.3
    """Weight of cross-entropy beside the soft Jaccard loss, which follows mIoU itself."""
    rarity: float = 0.5
    """How far cross-entropy favours rare classes; see `cross_entropy`."""


def exercises_of(sample: Sample) -> Iterator[Exercise]:
    """One exercise of a single scene for each target of the sample."""
    past = past_of(sample)
    steps = [one.num_frames / sample.num_flow_frames for one in sample.targets]
    for target, path in zip(sample.targets, followed(sample.flow, steps), strict=True):
        ahead_s = target.num_frames * sample.frame_s
        yield Exercise(
            scene=scene_at(past, _half_flow(path), horizon_s=ahead_s),
            maps=sample.maps[-1:],
            paths=path[None],
            ids=target.ids.long()[None],
        )


def joined(exercises: Sequence[Exercise]) -> Exercise:
    """Exercises as one batch."""
    return Exercise(
        scene=joined_scenes([one.scene for one in exercises]),
        maps=torch.cat([one.maps for one in exercises]),
        paths=torch.cat([one.paths for one in exercises]),
        ids=torch.cat([one.ids for one in exercises]),
    )


def joined_scenes(scenes: Sequence[Scene]) -> Scene:
    """Scenes as one batch."""
    names = [one.name for one in fields(Scene)]
    return Scene(**{name: torch.cat([getattr(one, name) for one in scenes]) for name in names})


def corrected(network: FlowGuidedNetwork, exercise: Exercise) -> Float[Tensor, "B K H W"]:
    """The network's forecast as logarithms of probabilities."""
    device = next(network.parameters()).device
    scene = placed(exercise.scene, device)
    correction = network(scene)
    bent = bent_displacement(exercise.paths.to(device), correction).float()
    moved = [warp(one, move) for one, move in zip(exercise.maps.to(device), bent, strict=True)]
    factor = resize_maps(factor_of(scene, correction).float(), size_of(bent))
    return ((torch.stack(moved) + FLOOR) * factor).log().log_softmax(dim=1)


def past_of(sample: Sample) -> Past:
    """What the network knows of a sample, on its own grid: half as fine."""
    half_hw = _half(size_of(sample.maps))
    return Past(
        maps=resize_maps(sample.maps, half_hw),
        flow=_half_flow(sample.flow),
        older_flows=torch.stack([_half_flow(one) for one in sample.older_flows]),
        frame_s=sample.frame_s * sample.num_flow_frames,
        stride_s=sample.stride_s,
        before=None if sample.before is None else resize_maps(sample.before, half_hw),
    )


def _half_flow(flow: Float[Tensor, "2 H W"]) -> Float[Tensor, "2 h w"]:
    return resize_flow(flow, _half(size_of(flow)))


def _half(size_hw: tuple[int, int]) -> tuple[int, int]:
    return size_hw[0] // 2, size_hw[1] // 2


def size_of(maps: Tensor) -> tuple[int, int]:
    """H, W."""
    return maps.shape[-2], maps.shape[-1]


class FlowGuidedTask:
    """Learns corrections to the warp.

    Args:
        network: What learns.
        drawer: Draws training samples.
        checks: Whole samples of clips that training does not see, to choose weights by.
        settings: How batches are made.
    """

    def __init__(
        self,
        network: FlowGuidedNetwork,
        drawer: SampleDrawer,
        checks: Mapping[str, Sequence[Sample]],
        settings: FlowGuidedSettings,
        *,
        space: LabelSpace = CITYSCAPES,
    ) -> None:
        self._network = network
        self._drawer = drawer
        self._checks = checks
        self._settings = settings
        self._space = space
        self._rivals = Rivals(space)

    @property
    def network(self) -> FlowGuidedNetwork:
        """What learns."""
        return self._network

    def draw(self, generator: Generator) -> Exercise:
        """Random samples through random windows."""
        found: list[Exercise] = []
        for _ in range(self._settings.batch):
            sample = self._drawer.draw(generator)
            found += exercises_of(augmented(sample, self._settings.window_hw, generator))
        return joined(found)

    def losses(self, batch: Exercise) -> Mapping[str, Tensor]:
        """Cross-entropy and soft Jaccard of the corrected warp."""
        log_probs = corrected(self._network, batch)
        ids = batch.ids.to(log_probs.device)
        void_id, chosen = self._space.void_id, self._settings
        entropy = cross_entropy(log_probs, ids, void_id, rarity=chosen.rarity)
        jaccard = soft_jaccard(log_probs.exp(), ids, void_id)
        total = chosen.entropy * entropy + jaccard
        return {"total": total, "entropy": entropy, "jaccard": jaccard}

    def scores(self) -> Mapping[str, float]:
        """Gains over the best of copy and warps on clips that training does not see, in points."""
        return self._rivals.gains(self._checks, self._tables)

    def _tables(self, sample: Sample) -> list[NDArray[np.int64]]:
        """The network's confusion at each target."""
        return [
            counted(exercise.ids[0], corrected(self._network, exercise)[0], self._space)
            for exercise in exercises_of(sample)
        ]


class Rivals:
    """The best of copy and warps for clips that training does not see; counted once each."""

    def __init__(self, space: LabelSpace) -> None:
        self._space = space
        self._found: dict[str, Sequence[float]] = {}

    def of(self, name: str, samples: Sequence[Sample]) -> Sequence[float]:
        """Their best mIoU at each target of those samples, which go by that name."""
        if name not in self._found:
            pooled = np.sum([list(self._tables(one)) for one in samples], axis=0)
            self._found[name] = [max(mean_iou(one) for one in rivals) for rivals in pooled]
        return self._found[name]

    def gains(
        self,
        checks: Mapping[str, Sequence[Sample]],
        tables: Callable[[Sample], Sequence[NDArray[np.int64]]],
    ) -> Mapping[str, float]:
        """What a network gains over them, in points, by clip and time ahead; `score` is the mean.

        Args:
            checks: Samples by the name of their clip.
            tables: The network's confusion at each target of a sample.
        """
        gains: dict[str, float] = {}
        for name, samples in checks.items():
            ours = np.sum([tables(one) for one in samples], axis=0)
            targets = zip(samples[0].targets, ours, self.of(name, samples), strict=True)
            for target, table, rival in targets:
                ahead_s = target.num_frames * samples[0].frame_s
                gains[f"{name} {ahead_s:.1f} s"] = 100 * (mean_iou(table) - rival)
        return {"score": float(np.mean(list(gains.values()))), **gains}

    def _tables(self, sample: Sample) -> Iterator[list[NDArray[np.int64]]]:
        """Confusions of copy, warp and splat at each target."""
        steps = [one.num_frames / sample.num_flow_frames for one in sample.targets]
        last, flow = sample.maps[-1], sample.flow
        fields = zip(followed(flow, steps), splatted(flow, steps), strict=True)
        for target, (carried, pushed) in zip(sample.targets, fields, strict=True):
            beliefs = (last, warp(last, carried), warp(last, pushed))
            yield [counted(target.ids, one, self._space) for one in beliefs]


def counted(ids: Tensor, belief: Tensor, space: LabelSpace) -> NDArray[np.int64]:
    """What a belief got right and wrong of some labels."""
    labels = belief.argmax(dim=0).byte().cpu().numpy()
    return confusion(ids.byte().numpy(), labels, space)
