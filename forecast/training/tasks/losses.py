"""What a forecast costs.

Axes: B batch, K classes, h w grid.
"""

from __future__ import annotations

import torch
from jaxtyping import Float, Int64
from torch import Tensor
from torch.nn import functional as F


def gradient_difference(
    predicted: Float[Tensor, "B K h w"], wanted: Float[Tensor, "B K h w"]
) -> Float[Tensor, ""]:
    """Mean difference of absolute gradients, rows plus columns (Mathieu et al., ICLR 2016)."""
    total = predicted.new_zeros(())
    for axis in (-2, -1):
        slopes = [one.diff(dim=axis).abs() for one in (predicted, wanted)]
        total = total + (slopes[1] - slopes[0]).abs().mean()
    return total


def l1_and_gradient(
    predicted: Float[Tensor, "B K h w"], wanted: Float[Tensor, "B K h w"]
) -> Float[Tensor, ""]:
    """S2S's loss: mean absolute difference plus gradient difference (Luc et al. 2017, eq. 2)."""
    return F.l1_loss(predicted, wanted) + gradient_difference(predicted, wanted)


def cross_entropy(
    log_probs: Float[Tensor, "B K h w"],
    ids: Int64[Tensor, "B h w"],
    void_id: int,
    *,
    rarity: float = 0.0,
) -> Float[Tensor, ""]:
    """Mean negative log-probability of the labels; void does not count.

    Args:
        log_probs: Beliefs.
        ids: Labels.
        void_id: Marks pixels that do not count.
        rarity: A class weighs its share of the batch to minus this power: 0 counts pixels alike,
            1 counts classes alike.
    """
    counts = torch.bincount(ids[ids != void_id], minlength=log_probs.shape[1]).float()
    weights = (counts / counts.sum().clamp_min(1)).clamp_min(1e-4) ** -rarity
    return F.nll_loss(log_probs, ids, weights, ignore_index=void_id)


def soft_jaccard(
    probs: Float[Tensor, "B K h w"],
    ids: Int64[Tensor, "B h w"],
    void_id: int,
    *,
    least_pixels: int = 5,
) -> Float[Tensor, ""]:
    """One minus the mean IoU of soft maps, pooled over the batch; void does not count.

    Follows the measure itself, where cross-entropy follows the frequent classes. A class counts
    if the labels have at least `least_pixels` of it.
    """
    known = ids != void_id
    truth = F.one_hot(ids.where(known, 0), probs.shape[1]).movedim(-1, 1) * known[:, None]
    counted = probs * known[:, None]
    both = (counted * truth).sum(dim=(0, 2, 3))
    either = counted.sum(dim=(0, 2, 3)) + truth.sum(dim=(0, 2, 3)) - both
    present = truth.sum(dim=(0, 2, 3)) >= least_pixels
    if not present.any():
        return probs.sum() * 0
    return 1 - torch.mean(both[present] / either[present].clamp_min(1e-6))
