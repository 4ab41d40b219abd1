"""What a flow-guided predictor learns from: samples, seen as it will see them, and their labels.

Joins the rooms that do not know each other: training draws samples and counts losses, prediction
makes scenes and corrections of them. Axes: B batch, K classes, h w grid.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, fields

import numpy as np
import torch
from jaxtyping import Float, Int64
from numpy.typing import NDArray
from torch import Generator, Tensor

from forecast.evaluation.confusion import confusion
from forecast.geometry.warp import followed, warp
from forecast.labels import CITYSCAPES, LabelSpace
from forecast.prediction.flow_guided_network import (
    FLOOR,
    FlowGuidedNetwork,
    Scene,
    applied,
    bent_displacement,
    change_of,
)
from forecast.prediction.flow_guided_scene import Past, placed, scene_at
from forecast.training.augment import augmented
from forecast.training.losses import cross_entropy, soft_jaccard
from forecast.training.samples import Sample, SampleDrawer


@dataclass(frozen=True, slots=True, kw_only=True)
class Batch:
    """Scenes and the labels that came true."""

    scene: Scene
    ids: Int64[Tensor, "B h w"]


@dataclass(frozen=True, slots=True, kw_only=True)
class FlowGuidedSettings:
    """How batches are made and weighed."""

    batch: int = 4
    """Samples; each gives as many scenes as it has targets."""
    window_hw: tuple[int, int] = (48, 96)
    entropy: float = 0.3
    """Weight of cross-entropy beside the soft Jaccard loss, which follows mIoU itself."""
    rarity: float = 0.5
    """How far cross-entropy favours rare classes; see `cross_entropy`."""


def scenes_of(sample: Sample) -> list[Scene]:
    """One scene for each target of the sample."""
    past = Past(
        maps=sample.maps,
        flow=sample.flow,
        older_flows=sample.older_flows,
        frame_s=sample.frame_s,
        stride_s=sample.stride_s,
    )
    ahead = [one.num_frames for one in sample.targets]
    steps = [float(one) for one in ahead]
    return [
        scene_at(past, path, horizon_s=count * sample.frame_s)
        for count, path in zip(ahead, followed(sample.flow, steps), strict=True)
    ]


def joined(scenes: Sequence[Scene]) -> Scene:
    """Scenes as one batch."""
    return Scene(
        **{one.name: torch.cat([getattr(s, one.name) for s in scenes]) for one in fields(Scene)}
    )


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

    def draw(self, generator: Generator) -> Batch:
        """Random samples through random windows."""
        scenes: list[Scene] = []
        ids: list[Tensor] = []
        for _ in range(self._settings.batch):
            sample = self._drawer.draw(generator)
            sample = augmented(sample, self._settings.window_hw, generator)
            scenes += scenes_of(sample)
            ids += [one.ids.long() for one in sample.targets]
        return Batch(scene=joined(scenes), ids=torch.stack(ids))

    def losses(self, batch: Batch) -> Mapping[str, Tensor]:
        """Cross-entropy and soft Jaccard of the corrected warp."""
        scene = placed(batch.scene, next(self._network.parameters()).device)
        correction = self._network(scene)
        bent = bent_displacement(scene.displacement, correction).float()
        maps = torch.stack([warp(one, move) for one, move in zip(scene.still, bent, strict=True)])
        logits = (maps + FLOOR).log() + change_of(scene, correction).float()
        log_probs, ids = logits.log_softmax(dim=1), batch.ids.to(logits.device)
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
        device = next(self._network.parameters()).device
        scenes = [placed(one, device) for one in scenes_of(sample)]
        found: list[list[NDArray[np.int64]]] = []
        for scene, target in zip(scenes, sample.targets, strict=True):
            beliefs = (scene.still, scene.carried[:, -1], corrected(self._network, scene))
            labels = [one[0].argmax(dim=0).byte().cpu().numpy() for one in beliefs]
            found.append([confusion(target.ids.numpy(), one, self._space) for one in labels])
        return np.array(found)


def miou(table: NDArray[np.int64]) -> float:
    """Mean IoU over the classes that occur in target or prediction."""
    both = np.diag(table)
    either = table.sum(axis=0) + table.sum(axis=1) - both
    return float(np.mean(both[either > 0] / either[either > 0]))


def corrected(network: FlowGuidedNetwork, scene: Scene) -> Float[Tensor, "B K h w"]:
    """The network's forecast on the scene's own grid."""
    correction = network(scene)
    bent = bent_displacement(scene.displacement, correction)
    maps = torch.stack([warp(one, move) for one, move in zip(scene.still, bent, strict=True)])
    return applied(maps, change_of(scene, correction).exp())
