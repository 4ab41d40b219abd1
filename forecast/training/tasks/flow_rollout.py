"""What the autoregressive flow-guided network learns from: its own roll-outs.

Each sample is advanced stride by stride from the state that the network left, and every step is
held against what came true; no step is cut off from the ones before it. Axes: B samples, K classes,
H W the sample's grid, h w the network's.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import fields

import numpy as np
import torch
from jaxtyping import Float
from torch import Generator, Tensor

from forecast.geometry.resize import resize_flow, resize_maps
from forecast.geometry.warp import followed, warp
from forecast.labels import CITYSCAPES, LabelSpace
from forecast.prediction.flow_guided.network import (
    FLOOR,
    Correction,
    FlowGuidedNetwork,
)
from forecast.prediction.flow_guided.scene import placed
from forecast.prediction.flow_guided.state import State, advanced, at_origin, corrected
from forecast.training.data.augment import augmented
from forecast.training.data.samples import Sample, SampleDrawer
from forecast.training.tasks.flow_guided import (
    FlowGuidedSettings,
    Rivals,
    counted,
    joined_scenes,
    past_of,
    size_of,
)
from forecast.training.tasks.losses import cross_entropy, soft_jaccard


def rolled(
    network: FlowGuidedNetwork, samples: Sequence[Sample]
) -> Iterator[Float[Tensor, "B K H W"]]:
    """Logarithms of probabilities at each step, for samples of equal numbers of targets."""
    pasts = [past_of(one) for one in samples]
    states = [at_origin(past) for past in pasts]
    plain = [
        list(followed(past.flow, _flow_steps(one)))
        for past, one in zip(pasts, samples, strict=True)
    ]
    whole = [list(followed(one.flow, _flow_steps(one))) for one in samples]
    for step in range(len(samples[0].targets)):
        advances = [advanced(past, state) for past, state in zip(pasts, states, strict=True)]
        said = network(placed(joined_scenes([one.scene for one in advances]), _device(network)))
        states = [corrected(advance, _alone(said, index)) for index, advance in enumerate(advances)]
        yield torch.stack(
            [
                _log_probs(sample, state, path[step], bare[step])
                for sample, state, path, bare in zip(samples, states, whole, plain, strict=True)
            ]
        )


def _log_probs(sample: Sample, state: State, path: Tensor, plain: Tensor) -> Tensor:
    """The origin's map, read once through the state, on the sample's grid."""
    size_hw = size_of(path)
    bend = resize_flow(state.displacement - plain, size_hw)
    carried = warp(sample.maps[-1], path + bend)
    return ((carried + FLOOR).log() + resize_maps(state.log_evidence, size_hw)).log_softmax(dim=0)


def _flow_steps(sample: Sample) -> list[float]:
    return [one.num_frames / sample.num_flow_frames for one in sample.targets]


def _device(network: FlowGuidedNetwork) -> torch.device:
    return next(network.parameters()).device


def _alone(correction: Correction, index: int) -> Correction:
    names = [one.name for one in fields(Correction)]
    return Correction(
        **{name: getattr(correction, name)[index, None].float().cpu() for name in names}
    )


class FlowRolloutTask:
    """Learns to correct the warp stride by stride.

    Args:
        network: What learns.
        drawer: Draws training samples; its settings say through how many steps.
        checks: Whole samples of clips that training does not see, their targets at strides.
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
        self.network = network
        self._drawer = drawer
        self._checks = checks
        self._settings = settings
        self._space = space
        self._rivals = Rivals(space)

    def draw(self, generator: Generator) -> list[Sample]:
        """Random samples through random windows."""
        drawn = [self._drawer.draw(generator) for _ in range(self._settings.batch)]
        return [augmented(one, self._settings.window_hw, generator) for one in drawn]

    def losses(self, batch: Sequence[Sample]) -> Mapping[str, Tensor]:
        """Cross-entropy and soft Jaccard, the mean over steps."""
        void_id, chosen = self._space.void_id, self._settings
        entropies: list[Tensor] = []
        jaccards: list[Tensor] = []
        for step, log_probs in enumerate(rolled(self.network, batch)):
            ids = torch.stack([one.targets[step].ids.long() for one in batch])
            entropies.append(cross_entropy(log_probs, ids, void_id, rarity=chosen.rarity))
            jaccards.append(soft_jaccard(log_probs.exp(), ids, void_id))
        entropy, jaccard = torch.stack(entropies).mean(), torch.stack(jaccards).mean()
        return {
            "total": chosen.entropy * entropy + jaccard,
            "entropy": entropy,
            "jaccard": jaccard,
        }

    def scores(self) -> Mapping[str, float]:
        """Gains over the best of copy and warps on clips that training does not see, in points."""
        return self._rivals.gains(self._checks, self._tables)

    def _tables(self, sample: Sample) -> list[np.ndarray]:
        return [
            counted(target.ids, log_probs[0], self._space)
            for target, log_probs in zip(
                sample.targets, rolled(self.network, [sample]), strict=True
            )
        ]
