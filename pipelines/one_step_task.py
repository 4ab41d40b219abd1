"""What a one-step network learns from: the next map, and then its own maps fed back.

Axes: B batch, T inputs, U unrolled steps, C classes or colours, h w grid.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np
import torch
from jaxtyping import Float
from torch import Generator, Tensor, nn
from torch.nn import functional as F

from forecast.evaluation.confusion import confusion
from forecast.labels import CITYSCAPES
from forecast.training.evenly import EvenDrawer
from forecast.training.losses import l1_and_gradient
from pipelines.flow_guided_task import miou


@dataclass(frozen=True, slots=True, kw_only=True)
class OneStepSettings:
    """How batches are made."""

    num_inputs: int = 4
    unroll: int = 1
    """Steps whose losses are summed, each fed what the one before gave."""
    batch: int = 4


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
        return torch.stack([self._drawer.draw(generator) for _ in range(self._settings.batch)])

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
        return total

    def scores(self) -> Mapping[str, float]:
        """How much better than copying after each step: mIoU points for maps, else less error."""
        length, gains = self._settings.num_inputs, list[list[float]]()
        for run in self._checks:
            window = run[None, :length].to(next(self._network.parameters()).device)
            steps = unrolled(self._network, window, len(run) - length)
            found = [maps[0][0].float().cpu() for maps in steps]
            pairs = zip(found, run[length:], strict=True)
            gains.append([_gain(one, run[length - 1], target) for one, target in pairs])
        by_step = np.mean(gains, axis=0)
        named = {f"step {index + 1}": float(gain) for index, gain in enumerate(by_step)}
        return {"score": float(by_step.mean()), **named}


def unrolled(
    network: nn.Module, window: Float[Tensor, "B T C h w"], num_steps: int
) -> list[Sequence[Tensor]]:
    """What a network gives when each step is fed the finest map of the one before, undetached."""
    found: list[Sequence[Tensor]] = []
    for _ in range(num_steps):
        found.append(network(window))
        window = torch.cat([window[:, 1:], found[-1][0][:, None]], dim=1)
    return found


def _gain(
    found: Float[Tensor, "C h w"], last: Float[Tensor, "C h w"], target: Float[Tensor, "C h w"]
) -> float:
    if len(found) != CITYSCAPES.num_classes:
        return float((last - target).abs().mean() - (found - target).abs().mean())
    truth, ours, copy = (one.argmax(dim=0).byte().numpy() for one in (target, found, last))
    scores = [miou(confusion(truth, one, CITYSCAPES)) for one in (ours, copy)]
    return 100 * (scores[0] - scores[1])
