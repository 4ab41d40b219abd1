"""What a one-step network learns against a judge that is trained beside it.

Axes: B batch, L moments of a run (inputs, then targets), C classes or colours, h w grid.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

import torch
from jaxtyping import Float
from torch import Generator, Tensor, nn

from forecast.training.tasks.discriminator import (
    Adversaries,
    SequenceDiscriminator,
    adversarial_losses,
)
from forecast.training.tasks.one_step import OneStepTask


@dataclass(frozen=True, slots=True, kw_only=True)
class AdversarialSettings:
    """How much the judge counts."""

    adversarial: float = 0.01
    """Weight of fooling the judge beside the distance to what came true."""


class AdversarialTask:
    """A one-step task whose network must also pass for the truth.

    Args:
        task: What would be learnt without a judge.
        discriminator: Made for the task's inputs and one map more.
        settings: How much the judge counts.
    """

    def __init__(
        self,
        task: OneStepTask,
        discriminator: SequenceDiscriminator,
        settings: AdversarialSettings,
    ) -> None:
        self._task = task
        self._settings = settings
        self._both = Adversaries(task.network, discriminator)

    @property
    def network(self) -> Adversaries:
        """Both networks, for one optimizer; `kept` says which of them forecasts."""
        return self._both

    def draw(self, generator: Generator) -> Float[Tensor, "B L C h w"]:
        """The task's own batches."""
        return self._task.draw(generator)

    def losses(self, batch: Float[Tensor, "B L C h w"]) -> Mapping[str, Tensor]:
        """The task's distance, what the judge makes of every step, and what judging costs."""
        runs = batch.to(next(self._both.parameters()).device)
        steps = self._task.unrolled(runs)
        distance = self._task.distance(runs, steps)
        fooling, judging = runs.new_zeros(()), runs.new_zeros(())
        length = runs.shape[1] - len(steps)
        told = torch.cat([runs[:, :length], *(maps[0].float()[:, None] for maps in steps)], dim=1)
        for first in range(len(steps)):
            seen = slice(first, first + length + 1)
            each = adversarial_losses(self._both.discriminator, told[:, seen], runs[:, seen])
            fooling, judging = fooling + each.forecaster, judging + each.discriminator
        total = distance + self._settings.adversarial * fooling + judging
        return {"total": total, "distance": distance, "fooling": fooling, "judging": judging}

    def scores(self) -> Mapping[str, float]:
        """The task's own: a judge scores nothing."""
        return self._task.scores()


def kept(network: nn.Module) -> nn.Module:
    """What forecasts once training is over: the network itself, or its side without the judge."""
    return network.forecaster if isinstance(network, Adversaries) else network
