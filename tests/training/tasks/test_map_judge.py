import math

import pytest
import torch
from torch import nn

from forecast.training.settings import JUDGES, SIGHTS
from forecast.training.tasks.map_judge import LAYERS, SOFTENED, MapJudge, num_shown, shown


def _maps(num_classes: int = 3) -> torch.Tensor:
    return torch.randn(2, num_classes, 16, 24).softmax(1)


def _truth(num_classes: int = 3, void: int = 6) -> torch.Tensor:
    ids = torch.randint(num_classes, (2, 16, 24))
    truth = torch.nn.functional.one_hot(ids, num_classes).movedim(-1, 1).float()
    truth[:, :, :void] = 0
    return truth


def test_the_command_line_offers_the_judges_that_there_are():
    assert set(JUDGES) == set(LAYERS)


@pytest.mark.parametrize(("name", "cells"), [("large", 34), ("small", 18)])
def test_a_judge_sees_as_far_as_the_paper_says(name: str, cells: int):
    layers = MapJudge(2, LAYERS[name]).layers
    # A maximum hands its gradient to one cell of its window; a mean, to each.
    means = [nn.AvgPool2d(2) if isinstance(one, nn.MaxPool2d) else one for one in layers]
    for layer in layers:
        if isinstance(layer, nn.Conv2d):
            nn.init.constant_(layer.weight, 1e-2)
            nn.init.ones_(layer.bias)
    seen = torch.zeros(1, 2, 96, 96, requires_grad=True)
    nn.Sequential(*means)(seen)[0, 0, 12, 12].backward()
    rows = (seen.grad.abs().sum((0, 1, 3)) > 0).nonzero()
    assert rows.max() - rows.min() + 1 == cells


def test_the_light_judges_halve_the_later_layers():
    counts = {
        name: [one.out_channels for one in MapJudge(33, layers).layers if hasattr(one, "weight")]
        for name, layers in LAYERS.items()
    }
    assert counts["large"] == [96, 128, 128, 256, 256, 512, 1]
    assert counts["large-light"] == [96, 128, 128, 128, 128, 256, 1]
    assert counts["small"] == [96, 128, 256, 256, 512, 1]
    assert counts["small-light"] == [96, 128, 128, 128, 256, 1]


@pytest.mark.parametrize("sight", SIGHTS)
def test_void_is_zero_on_both_sides(sight: str):
    answer, truth, colours = _maps(), _truth(), torch.rand(2, 3, 16, 24)
    both = shown(answer, truth, colours, sight=sight)
    assert both.answer.shape == both.truth.shape == (2, num_shown(sight, 3), 16, 24)
    for side in (both.answer, both.truth):
        assert side[:, :, :6].abs().max() == 0
        assert side[:, :, 6:].abs().sum() > 0


def test_the_product_is_each_class_s_share_of_the_colours():
    answer, truth, colours = _maps(), _truth(void=0), torch.rand(2, 3, 16, 24)
    both = shown(answer, truth, colours, sight="product")
    for side in (both.answer, both.truth):
        assert torch.allclose(side.unflatten(1, (3, 3)).sum(1), colours, atol=1e-6)


def test_scaling_softens_the_truth_to_no_less_than_its_bound():
    answer, truth = _maps(), _truth(void=0)
    both = shown(answer, truth, torch.rand(2, 3, 16, 24), sight="scaling")
    mine = both.truth.gather(1, truth.argmax(1, keepdim=True))
    believed = answer.gather(1, truth.argmax(1, keepdim=True))
    assert torch.allclose(mine, believed.clamp_min(SOFTENED))
    assert torch.allclose(both.truth.sum(1), torch.ones(2, 16, 24), atol=1e-5)
    assert torch.equal(both.answer, answer)


def test_the_truth_that_is_shown_carries_no_gradient_of_the_answer():
    answer = torch.randn(2, 3, 16, 24, requires_grad=True)
    both = shown(answer.softmax(1), _truth(), torch.rand(2, 3, 16, 24), sight="scaling")
    assert not both.truth.requires_grad
    assert both.answer.requires_grad


def test_a_judge_of_fixed_maps_falls_below_log_two():
    judge = MapJudge(3, LAYERS["small-light"])
    optimizer = torch.optim.AdamW(judge.parameters(), 1e-3)
    for _ in range(25):
        both = shown(_maps(), _truth(), torch.rand(2, 3, 16, 24), sight="basic")
        caught = torch.nn.functional.softplus(-judge(both.truth)).mean()
        missed = torch.nn.functional.softplus(judge(both.answer)).mean()
        optimizer.zero_grad()
        (caught + missed).backward()
        optimizer.step()
    assert (caught + missed) / 2 < 0.9 * math.log(2)
