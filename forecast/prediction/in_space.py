"""A predictor of one label space at work in another: lifted before, collapsed after.

Axes: K classes of the given space, C classes of the wanted one, h w grid, H W picture.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import replace

import torch
from jaxtyping import Float
from torch import Tensor

from forecast.labels import LabelSpace, collapse_table, lift_table
from forecast.stages import Predictor
from forecast.values import Forecast, History, Needs, Observation, Segmentation


def collapse_probs(
    probs: Float[Tensor, "K h w"], fine: LabelSpace, coarse: LabelSpace
) -> Float[Tensor, "C h w"]:
    """Probabilities of the coarse classes: the sums over their fine ones.

    Raises:
        UsageError: No mapping is known between the two.
    """
    if fine == coarse:
        return probs
    home = torch.from_numpy(collapse_table(fine, coarse)[: fine.num_classes]).long()
    kept = home != coarse.void_id
    sums = probs.new_zeros(coarse.num_classes, *probs.shape[1:])
    return sums.index_add_(0, home[kept].to(probs.device), probs[kept.to(probs.device)])


def collapsed(forecast: Forecast, space: LabelSpace) -> Forecast:
    """The forecast in a coarser space."""
    if forecast.space == space:
        return forecast
    probs = collapse_probs(forecast.probs, forecast.space, space)
    return replace(forecast, space=space, probs=probs)


def lifted(segmentation: Segmentation, space: LabelSpace) -> Segmentation:
    """The segmentation in a finer space, each class by the one that stands for it.

    Raises:
        UsageError: No mapping is known between the two.
    """
    if segmentation.space == space:
        return segmentation
    table = torch.from_numpy(lift_table(segmentation.space, space))
    if segmentation.ids is not None:
        ids = table.to(segmentation.ids.device)[segmentation.ids.long()]
        return replace(segmentation, space=space, ids=ids)
    assert segmentation.probs is not None
    probs = segmentation.probs.new_zeros(space.num_classes, *segmentation.probs.shape[1:])
    probs[table[: segmentation.space.num_classes].long()] = segmentation.probs
    return replace(segmentation, space=space, probs=probs)


class InSpace:
    """A predictor that answers in `space`, whatever space it was made for."""

    def __init__(self, predictor: Predictor, space: LabelSpace) -> None:
        self._predictor = predictor
        self._space = space

    @property
    def name(self) -> str:
        """The name of the predictor within."""
        return self._predictor.name

    @property
    def space(self) -> LabelSpace | None:
        """Any: histories are lifted where they need to be."""
        return None

    @property
    def needs(self) -> Needs:
        """What the predictor within needs."""
        return self._predictor.needs

    @property
    def fingerprint(self) -> str:
        """That of the predictor within."""
        return self._predictor.fingerprint

    def predict(
        self, histories: Sequence[History], *, horizons_s: Sequence[float]
    ) -> Iterator[Forecast]:
        """Forecasts in this space.

        Raises:
            UsageError: No mapping is known between the spaces.
        """
        own = self._predictor.space
        ready = histories if own is None else [_lifted_history(one, own) for one in histories]
        for forecast in self._predictor.predict(ready, horizons_s=horizons_s):
            yield collapsed(forecast, self._space)


def _lifted_history(history: History, space: LabelSpace) -> History:
    observations = tuple(
        Observation(frame=one.frame, segmentation=lifted(one.segmentation, space))
        for one in history.observations
    )
    return replace(history, observations=observations)
