"""What a flow-guided predictor learns from: samples, seen as it will see them, and their labels.

Joins the rooms that do not know each other: training draws samples and counts losses, prediction
makes scenes and corrections of them. The network looks at a grid half as fine as the sample's, so
that it learns to correct maps finer than what it sees. Axes: B batch, K classes, H W the sample's
grid, h w the network's.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, fields

import numpy as np
import torch
from jaxtyping import Float, Int64
from numpy.typing import NDArray
from torch import Generator, Tensor

from forecast.confusion import confusion
from forecast.geometry.resize import resize_flow, resize_maps
from forecast.geometry.warp import followed, warp
from forecast.labels import CITYSCAPES, LabelSpace
from forecast.prediction.flow_guided.network import (
    FLOOR,
    FlowGuidedNetwork,
    Scene,
    bent_displacement,
    change_of,
)
from forecast.prediction.flow_guided.scene import Past, placed, scene_at
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
    past = _past_of(sample)
    steps = [float(one.num_frames) for one in sample.targets]
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
    names = [one.name for one in fields(Scene)]
    scenes = [one.scene for one in exercises]
    return Exercise(
        scene=Scene(**{name: torch.cat([getattr(one, name) for one in scenes]) for name in names}),
        maps=torch.cat([one.maps for one in exercises]),
        paths=torch.cat([one.paths for one in exercises]),
        ids=torch.cat([one.ids for one in exercises]),
    )


def corrected(network: FlowGuidedNetwork, exercise: Exercise) -> Float[Tensor, "B K H W"]:
    """The network's forecast as logarithms of probabilities."""
    device = next(network.parameters()).device
    scene = placed(exercise.scene, device)
    correction = network(scene)
    bent = bent_displacement(exercise.paths.to(device), correction).float()
    moved = [warp(one, move) for one, move in zip(exercise.maps.to(device), bent, strict=True)]
    change = resize_maps(change_of(scene, correction).float(), _size_hw(bent))
    return ((torch.stack(moved) + FLOOR).log() + change).log_softmax(dim=1)


def _past_of(sample: Sample) -> Past:
    return Past(
        maps=resize_maps(sample.maps, _half(_size_hw(sample.maps))),
        flow=_half_flow(sample.flow),
        older_flows=torch.stack([_half_flow(one) for one in sample.older_flows]),
        frame_s=sample.frame_s,
        stride_s=sample.stride_s,
    )


def _half_flow(flow: Float[Tensor, "2 H W"]) -> Float[Tensor, "2 h w"]:
    return resize_flow(flow, _half(_size_hw(flow)))


def _half(size_hw: tuple[int, int]) -> tuple[int, int]:
    return size_hw[0] // 2, size_hw[1] // 2


def _size_hw(maps: Tensor) -> tuple[int, int]:
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
        """Gains over the better of copy and warp on clips that training does not see, in points."""
        gains: dict[str, float] = {}
        for name, samples in self._checks.items():
            tables = np.sum([self._tables(sample) for sample in samples], axis=0)
            for target, (copy, carried, ours) in zip(samples[0].targets, tables, strict=True):
                ahead_s = target.num_frames * samples[0].frame_s
                gain = miou(ours) - max(miou(copy), miou(carried))
                gains[f"{name} {ahead_s:.1f} s"] = 100 * gain
        return {"score": float(np.mean(list(gains.values()))), **gains}

    def _tables(self, sample: Sample) -> NDArray[np.int64]:
        """Confusions by target, then of copy, warp and network."""
        found: list[list[NDArray[np.int64]]] = []
        for exercise in exercises_of(sample):
            still = exercise.maps[0]
            beliefs = (
                still,
                warp(still, exercise.paths[0]),
                corrected(self._network, exercise)[0],
            )
            labels = [one.argmax(dim=0).byte().cpu().numpy() for one in beliefs]
            truth = exercise.ids[0].byte().numpy()
            found.append([confusion(truth, one, self._space) for one in labels])
        return np.array(found)


def miou(table: NDArray[np.int64]) -> float:
    """Mean IoU over the classes that occur in target or prediction."""
    both = np.diag(table)
    either = table.sum(axis=0) + table.sum(axis=1) - both
    return float(np.mean(both[either > 0] / either[either > 0]))
