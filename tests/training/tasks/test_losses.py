"""Losses: zero for the truth, and each follows what it says."""

from __future__ import annotations

import pytest
import torch
from torch.nn import functional as F

from forecast.training.tasks.losses import (
    cross_entropy,
    gradient_difference,
    l1_and_gradient,
    soft_jaccard,
)

K, H, W = 4, 8, 16
VOID = 255


def _ids() -> torch.Tensor:
    return torch.randint(0, K, (2, H, W), generator=torch.Generator().manual_seed(0))


def _certain(ids: torch.Tensor) -> torch.Tensor:
    return F.one_hot(ids, K).movedim(-1, 1).float()


def test_the_truth_costs_nothing() -> None:
    ids = _ids()
    certain = _certain(ids)
    assert l1_and_gradient(certain, certain) == 0
    assert soft_jaccard(certain, ids, VOID) == pytest.approx(0, abs=1e-5)
    assert cross_entropy(certain.clamp_min(1e-9).log(), ids, VOID) == pytest.approx(0, abs=1e-5)


def test_gradient_difference_does_not_see_a_constant() -> None:
    maps = torch.rand(2, K, H, W)
    assert gradient_difference(maps + 0.5, maps) == pytest.approx(0, abs=1e-6)


def test_gradient_difference_equals_its_definition() -> None:
    first, second = torch.rand(1, K, H, W), torch.rand(1, K, H, W)
    rows = (second[:, :, 1:] - second[:, :, :-1]).abs() - (first[:, :, 1:] - first[:, :, :-1]).abs()
    columns = (second[..., 1:] - second[..., :-1]).abs() - (first[..., 1:] - first[..., :-1]).abs()
    wanted = rows.abs().mean() + columns.abs().mean()
    assert torch.allclose(gradient_difference(first, second), wanted)


def test_soft_jaccard_of_certain_maps_is_one_minus_mean_iou() -> None:
    ids = torch.zeros(1, 4, 4, dtype=torch.long)
    ids[:, :, 2:] = 1
    found = torch.zeros(1, 4, 4, dtype=torch.long)
    found[:, :, 3:] = 1
    # Class 0: 8 of 12; class 1: 4 of 8.
    wanted = 1 - (8 / 12 + 4 / 8) / 2
    assert soft_jaccard(_certain(found), ids, VOID) == pytest.approx(wanted)


def test_void_does_not_count() -> None:
    ids = _ids()
    probs = torch.rand(2, K, H, W).softmax(dim=1)
    other = probs.clone()
    ids[:, :2] = VOID
    other[:, :, :2] = torch.rand(2, K, 2, W).softmax(dim=1)
    assert torch.allclose(soft_jaccard(probs, ids, VOID), soft_jaccard(other, ids, VOID))
    for rarity in (0.0, 0.5):
        costs = [cross_entropy(one.log(), ids, VOID, rarity=rarity) for one in (probs, other)]
        assert torch.allclose(*costs)


def test_rarity_makes_a_rare_class_weigh_more() -> None:
    ids = torch.zeros(1, H, W, dtype=torch.long)
    ids[0, 0, 0] = 1
    wrong = torch.full((1, K, H, W), 0.01)
    wrong[:, 0] = 0.97
    alike = cross_entropy(wrong.log(), ids, VOID)
    assert cross_entropy(wrong.log(), ids, VOID, rarity=1.0) > 2 * alike


def test_nothing_labelled_costs_nothing_and_has_a_gradient() -> None:
    probs = torch.rand(1, K, H, W, requires_grad=True)
    cost = soft_jaccard(probs.softmax(dim=1), torch.full((1, H, W), VOID), VOID)
    cost.backward()
    assert cost == 0
