"""What a one-step network learns from: the next map, and then its own maps fed back.

Axes: B batch, T inputs, U unrolled steps, C classes or colours, h w grid.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import torch
from jaxtyping import Float
from numpy.typing import NDArray
from torch import Generator, Tensor, nn
from torch.nn import functional as F

from forecast.confusion import confusion, mean_iou
from forecast.labels import CITYSCAPES
from forecast.training.data.evenly import EvenDrawer
from forecast.training.tasks.losses import l1_and_gradient, soft_jaccard


@dataclass(frozen=True, slots=True, kw_only=True)
class OneStepSettings:
    """How batches are made."""

    num_inputs: int = 4
    unroll: int = 1
    """Steps whose losses are summed, each fed what the one before gave."""
    batch: int = 4
    jaccard: float = 0.0
    """Weight of the finest maps' soft Jaccard loss against the likeliest class; 0 as published."""
    shuffled: float = 0.0
    """Share of runs whose classes change places, all moments alike, so that classes which are rare
    in the clips learn to move as the others do; 0 as published."""


class OneStepTask:
    """Learns the next map at every scale that the network gives (Luc et al. 2017, section 3.3).

    Args:
        network: From "B T C h w" to maps of the next moment, finest first.
        drawer: Draws runs of `num_inputs + unroll` moments.
        checks: Runs of clips that training does not see.
        settings: How batches are made.
    """

    def __init__(
        self,
        network: nn.Module,
        drawer: EvenDrawer,
        checks: Sequence[Float[Tensor, "L C h w"]],
        settings: OneStepSettings,
    ) -> None:
        self._network = network
        self._drawer = drawer
        self._checks = checks
        self._settings = settings

    @property
    def network(self) -> nn.Module:
        """What learns."""
        return self._network

    def draw(self, generator: Generator) -> Float[Tensor, "B L C h w"]:
        """Random runs."""
        return torch.stack([self._run(generator) for _ in range(self._settings.batch)])

    def _run(self, generator: Generator) -> Float[Tensor, "L C h w"]:
        run = self._drawer.draw(generator)
        if float(torch.rand((), generator=generator)) >= self._settings.shuffled:
            return run
        return run[:, torch.randperm(run.shape[1], generator=generator)]

    def losses(self, batch: Float[Tensor, "B L C h w"]) -> Mapping[str, Tensor]:
        """L1 and gradient difference, summed over steps and scales."""
        runs = batch.to(next(self._network.parameters()).device)
        return {"total": self.distance(runs, self.unrolled(runs))}

    def unrolled(self, runs: Float[Tensor, "B L C h w"]) -> list[Sequence[Tensor]]:
        """The network's maps at each step after the inputs of the runs, finest first."""
        window = runs[:, : self._settings.num_inputs]
        return unrolled(self._network, window, self._settings.unroll)

    def distance(
        self, runs: Float[Tensor, "B L C h w"], steps: Sequence[Sequence[Tensor]]
    ) -> Float[Tensor, ""]:
        """How far maps are from what came true, every scale weighed alike."""
        total = runs.new_zeros(())
        for step, maps in enumerate(steps):
            truth = runs[:, self._settings.num_inputs + step]
            for one in maps:
                wanted = F.adaptive_avg_pool2d(truth, (one.shape[-2], one.shape[-1]))
                total = total + l1_and_gradient(one.float(), wanted)
            if self._settings.jaccard:
                total = total + self._settings.jaccard * _jaccard(maps[0], truth)
        return total

    def scores(self) -> Mapping[str, float]:
        """How much better than copying after each step: mIoU points for maps, else less error.

        Counts are pooled over all checked runs before an IoU is taken.
        """
        length, found = self._settings.num_inputs, list[list[_Counts]]()
        for run in self._checks:
            window = run[None, :length].to(next(self._network.parameters()).device)
            steps = unrolled(self._network, window, len(run) - length)
            maps = [one[0][0].float().cpu() for one in steps]
            pairs = zip(maps, run[length:], strict=True)
            found.append([_counts(one, run[length - 1], target) for one, target in pairs])
        gains = [_gain(one) for one in zip(*found, strict=True)]
        named = {f"step {index + 1}": gain for index, gain in enumerate(gains)}
        return {"score": float(np.mean(gains)), **named}


def _jaccard(found: Float[Tensor, "B K h w"], truth: Float[Tensor, "B K h w"]) -> Float[Tensor, ""]:
    kept = found.float().clamp_min(0)
    probs = kept / kept.sum(dim=1, keepdim=True).clamp_min(1e-3)
    return soft_jaccard(probs, truth.argmax(dim=1), CITYSCAPES.void_id)


def unrolled(
    network: nn.Module, window: Float[Tensor, "B T C h w"], num_steps: int
) -> list[Sequence[Tensor]]:
    """What a network gives when each step is fed the finest map of the one before, undetached."""
    found: list[Sequence[Tensor]] = []
    for _ in range(num_steps):
        found.append(network(window))
        window = torch.cat([window[:, 1:], found[-1][0][:, None]], dim=1)
    return found


_Counts = tuple[NDArray[Any], NDArray[Any]]
"""Of one forecast and of the copy: their confusions with the truth, or their mean errors."""


def _counts(
    found: Float[Tensor, "C h w"], last: Float[Tensor, "C h w"], target: Float[Tensor, "C h w"]
) -> _Counts:
    if len(found) != CITYSCAPES.num_classes:
        ours, copy = (np.asarray(float((one - target).abs().mean())) for one in (found, last))
        return ours, copy
    truth, *labels = (one.argmax(dim=0).byte().numpy() for one in (target, found, last))
    ours, copy = (confusion(truth, one, CITYSCAPES) for one in labels)
    return ours, copy


def _gain(counts: Sequence[_Counts]) -> float:
    ours, copy = (np.sum([one[index] for one in counts], axis=0) for index in (0, 1))
    if ours.ndim == 0:
        return float(copy - ours) / len(counts)
    return 100 * (mean_iou(ours) - mean_iou(copy))
