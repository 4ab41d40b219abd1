"""What a segmenter learns against a judge of its maps that is trained beside it.

Luc et al. 2016, equation 1 in its non-saturating form: the cross-entropy and a share of what it
costs to be caught. Built as the forecasters' own (`tasks/adversarial.py`): both sides in one loss,
neither's gradient in the other.
Axes: B batch, K classes, h w grid.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

import torch
from torch import Generator, Tensor
from torch.nn import functional as F

from forecast.training.tasks.discriminator import Adversaries, adversarial_losses
from forecast.training.tasks.map_judge import LAYERS, MapJudge, num_shown, shown
from forecast.training.tasks.segmenter import SegmenterBatch, SegmenterTask

CELL_PX = 4
"""The finest cells that a judge is shown, in pixels: at every pixel it would cost far more than
the segmenter does."""


@dataclass(frozen=True, slots=True, kw_only=True)
class JudgedSettings:
    """Who judges, by what, and how much it counts."""

    weight: float
    """Of fooling the judge beside the cross-entropy; at 0 the segmenter learns as without it."""
    judge: str = "large"
    """One of `forecast.training.settings.JUDGES`."""
    sight: str = "product"
    """One of `forecast.training.settings.SIGHTS`."""


def judge_for(num_classes: int, settings: JudgedSettings) -> MapJudge:
    """A judge, drawn beside the global generator: who learns with it is drawn as without."""
    with torch.random.fork_rng(devices=[]):
        return MapJudge(num_shown(settings.sight, num_classes), LAYERS[settings.judge])


class JudgedSegmenterTask:
    """A segmenter's task whose maps must also pass for true ones.

    Args:
        task: What would be learnt without a judge.
        judge: Made for the task's classes.
        settings: How much it counts.
    """

    def __init__(self, task: SegmenterTask, judge: MapJudge, settings: JudgedSettings) -> None:
        self._task, self._settings = task, settings
        self._both = Adversaries(task.network, judge)

    @property
    def network(self) -> Adversaries:
        """Both networks, for one optimizer; `kept` says which of them segments."""
        return self._both

    def draw(self, generator: Generator) -> SegmenterBatch:
        """The task's own batches."""
        return self._task.draw(generator)

    def losses(self, batch: SegmenterBatch) -> Mapping[str, Tensor]:
        """The task's cross-entropy, what the judge makes of the maps, and what judging costs."""
        answers = self._task.answers(batch)
        entropy = self._task.entropy(batch, answers)
        factor = max(1, CELL_PX // self._task.cell_px)
        probs = F.avg_pool2d(answers[0].softmax(dim=1), factor)
        truth = F.avg_pool2d(batch.belief.to(probs), factor)
        colours = F.adaptive_avg_pool2d(
            self._task.colours(batch), (probs.shape[-2], probs.shape[-1])
        ).to(probs)
        both = shown(probs, truth, colours, sight=self._settings.sight)
        each = adversarial_losses(self._both.discriminator, both.answer, both.truth)
        total = entropy + self._settings.weight * each.forecaster + each.discriminator
        return {
            "total": total,
            "entropy": entropy,
            "fooling": each.forecaster,
            "judging": each.discriminator,
        }

    def scores(self) -> Mapping[str, float]:
        """The task's own: a judge scores nothing."""
        return self._task.scores()
