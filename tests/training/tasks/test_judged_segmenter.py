from pathlib import Path

import pytest
import torch
from torch import nn

from forecast.training.data.taught_pictures import PictureGroup, TaughtPicture
from forecast.training.fit import FitSettings, fit
from forecast.training.settings import SIGHTS
from forecast.training.tasks.judged_segmenter import (
    JudgedSegmenterTask,
    JudgedSettings,
    judge_for,
)
from forecast.training.tasks.segmenter import SegmenterSettings, SegmenterTask

LEVELS = (0.5, 0.5, 0.5)
FIT = FitSettings(steps=4, score_every=2, learning_rate=0.05, gradient_limit=1e-3)


def _picture() -> TaughtPicture:
    noise = torch.Generator().manual_seed(1)
    belief = torch.zeros(2, 16, 16, dtype=torch.uint8)
    belief[0, :, :8], belief[1, :, 8:14] = 255, 255
    rgb = torch.randint(0, 256, (3, 64, 64), generator=noise, dtype=torch.uint8)
    return TaughtPicture(rgb=rgb, belief=belief)


def _task() -> SegmenterTask:
    torch.manual_seed(7)
    network = nn.Sequential(nn.Conv2d(3, 4, 4, stride=4), nn.Dropout(0.3), nn.Conv2d(4, 2, 1))
    return SegmenterTask(
        network,
        groups=[PictureGroup(pictures=[_picture()], share=1.0)],
        develop=[_picture()],
        settings=SegmenterSettings(batch=2, window_hw=(32, 32)),
        mean=LEVELS,
        std=LEVELS,
    )


def _judged(weight: float, sight: str = "product") -> JudgedSegmenterTask:
    task = _task()
    how = JudgedSettings(weight=weight, judge="small-light", sight=sight)
    return JudgedSegmenterTask(task, judge_for(2, how), how)


def test_a_judge_that_does_not_count_changes_no_bit_of_the_segmenter(tmp_path: Path):
    alone, judged = _task(), _judged(0.0)
    fit(alone, FIT, folder=tmp_path / "alone")
    fit(judged, FIT, folder=tmp_path / "judged")
    first, second = alone.network.state_dict(), judged.network.forecaster.state_dict()
    assert all(torch.equal(first[name], second[name]) for name in first)


def test_a_judge_that_counts_changes_the_segmenter(tmp_path: Path):
    alone, judged = _task(), _judged(1.0)
    fit(alone, FIT, folder=tmp_path / "alone")
    fit(judged, FIT, folder=tmp_path / "judged")
    first, second = alone.network.state_dict(), judged.network.forecaster.state_dict()
    assert not all(torch.equal(first[name], second[name]) for name in first)


def test_a_killed_run_with_a_judge_ends_with_the_same_weights(tmp_path: Path):
    whole, again = _judged(0.5), _judged(0.5)
    fit(whole, FIT, folder=tmp_path / "whole")
    fit(_judged(0.5), FIT, folder=tmp_path / "cut", until=3)
    fit(again, FIT, folder=tmp_path / "cut")
    first, second = whole.network.state_dict(), again.network.state_dict()
    assert all(torch.equal(first[name], second[name]) for name in first)


@pytest.mark.parametrize("sight", SIGHTS)
def test_neither_side_moves_the_other(sight: str):
    judged = _judged(1.0, sight)
    batch = judged.draw(torch.Generator().manual_seed(0))
    losses = judged.losses(batch)
    losses["fooling"].backward(retain_graph=True)
    assert all(one.grad is None for one in judged.network.discriminator.parameters())
    assert any(one.grad is not None for one in judged.network.forecaster.parameters())
    judged.network.zero_grad(set_to_none=True)
    losses["judging"].backward()
    assert all(one.grad is None for one in judged.network.forecaster.parameters())


def test_a_finer_map_is_averaged_before_it_is_judged():
    task = _judged(1.0)._task
    task._settings = SegmenterSettings(batch=1, window_hw=(64, 64), cell_px=1)
    how = JudgedSettings(weight=1.0, judge="small-light", sight="basic")
    shapes: list[torch.Size] = []
    judge = judge_for(2, how)
    judge.register_forward_pre_hook(lambda _, told: shapes.append(told[0].shape))
    judged = JudgedSegmenterTask(task, judge, how)
    judged.losses(judged.draw(torch.Generator().manual_seed(0)))
    assert set(shapes) == {torch.Size([1, 2, 16, 16])}
