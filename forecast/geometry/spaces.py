"""Segmentations and forecasts in the classes of another label space.

Axes: K classes of the given space, C classes of the wanted one, h w grid.
"""

from __future__ import annotations

from dataclasses import replace

import torch
from jaxtyping import Float
from torch import Tensor

from forecast.labels import LabelSpace, collapse_table, lift_table
from forecast.values import Forecast, Segmentation


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
    belief = segmentation.belief
    probs = belief.new_zeros(space.num_classes, *belief.shape[1:])
    probs[table[: segmentation.space.num_classes].long()] = belief
    return replace(segmentation, space=space, probs=probs)
