from __future__ import annotations

from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Protocol

import pytest
import torch
from torch import nn

from forecast.labels import CITYSCAPES
from forecast.prediction.one_step.conv_lstm import ConvLSTMNetwork
from forecast.prediction.one_step.s2s import S2SNetwork
from forecast.training.data.clips import Clip, ClipHeader, ClipWriter
from forecast.training.data.evenly import EvenDrawer, even_run
from forecast.training.fit import FitSettings, fit
from forecast.training.tasks.adversarial import AdversarialSettings, AdversarialTask, kept
from forecast.training.tasks.discriminator import SequenceDiscriminator
from forecast.training.tasks.losses import l1_and_gradient
from forecast.training.tasks.one_step import OneStepSettings, OneStepTask
from forecast.values import Frame, Instant, LabelMap

GRID_HW = (16, 32)
K = CITYSCAPES.num_classes


@pytest.fixture(scope="module")
def clip(tmp_path_factory: pytest.TempPathFactory) -> Clip:
    """Cars and road in turn, two grid cells further each frame, so that copying errs everywhere."""
    folder = tmp_path_factory.mktemp("clip")
    header = ClipHeader(
        name="passing",
        num_frames=10,
        frame_s=3 / 17,
        grid_hw=GRID_HW,
        space="cityscapes",
        fingerprint="passing",
    )
    with ClipWriter(folder, header, soft=False, truth=True) as writer:
        for index in range(header.num_frames):
            at = Instant(clip="passing", index=index, pts_s=index * header.frame_s)
            stripes = (torch.arange(GRID_HW[1]) - 2 * index).div(4, rounding_mode="floor") % 2
            ids = (stripes * CITYSCAPES.id_of("car")).byte().repeat(GRID_HW[0], 1)
            rgb = (ids * 10)[None].repeat(3, 1, 1)
            label_map = LabelMap(at=at, space=CITYSCAPES, ids=ids)
            writer.add(Frame(at=at, rgb=rgb), None, label_map)
    return Clip(folder)


def _s2s(channels: int = K) -> S2SNetwork:
    return S2SNetwork(num_classes=channels, width=0.0625)


def _task(
    clip: Clip, network: nn.Module, *, unroll: int = 1, pictures: bool = False
) -> OneStepTask:
    drawer = EvenDrawer([clip], [1.0], length=4 + unroll, window_hw=GRID_HW, pictures=pictures)
    checks = [even_run(clip, range(7), pictures=pictures)]
    return OneStepTask(network, drawer, checks, OneStepSettings(unroll=unroll, batch=2))


class _Learns(Protocol):
    @property
    def network(self) -> nn.Module: ...
    def draw(self, generator: torch.Generator) -> torch.Tensor: ...
    def losses(self, batch: torch.Tensor) -> Mapping[str, torch.Tensor]: ...


def _learnt(task: _Learns, *, steps: int) -> list[float]:
    """What each step cost."""
    optimizer = torch.optim.AdamW(task.network.parameters(), 1e-2)
    generator, told = torch.Generator().manual_seed(torch.initial_seed()), list[float]()
    for _ in range(steps):
        total = task.losses(task.draw(generator))["total"]
        optimizer.zero_grad()
        total.backward()
        optimizer.step()
        told.append(total.item())
    return told


def _batch(task: OneStepTask) -> torch.Tensor:
    return task.draw(torch.Generator().manual_seed(3))


def test_the_autoregressive_loss_is_the_sum_over_unrolled_steps(clip: Clip) -> None:
    task = _task(clip, _s2s(), unroll=3)
    runs = _batch(task)
    window, by_hand = runs[:, :4], torch.zeros(())
    for step in range(3):
        fine, coarse = task.network(window)
        truth = runs[:, 4 + step]
        by_hand = by_hand + l1_and_gradient(fine, truth)
        by_hand = by_hand + l1_and_gradient(coarse, nn.functional.avg_pool2d(truth, 2))
        window = torch.stack([*window[:, 1:].unbind(dim=1), fine], dim=1)
    assert torch.allclose(task.losses(runs)["total"], by_hand)


def test_a_jaccard_term_adds_nothing_for_the_truth_and_much_for_its_opposite(clip: Clip) -> None:
    drawer = EvenDrawer([clip], [1.0], length=5, window_hw=GRID_HW)
    weighed = OneStepTask(_s2s(), drawer, [], OneStepSettings(batch=2, jaccard=0.5))
    runs = _batch(weighed)
    truth = runs[:, 4]
    assert weighed.distance(runs, [(truth,)]) == pytest.approx(0, abs=1e-6)
    opposite = [((1 - truth) / (K - 1),)]
    plain = _task(clip, _s2s()).distance(runs, opposite)
    assert weighed.distance(runs, opposite) - plain == pytest.approx(0.5, abs=0.01)


def test_shuffled_classes_keep_their_motion_and_change_their_names(clip: Clip) -> None:
    drawer = EvenDrawer([clip], [1.0], length=5, window_hw=GRID_HW)
    task = OneStepTask(_s2s(), drawer, [], OneStepSettings(batch=8, shuffled=1.0))
    runs = _batch(task)
    shown = runs.sum(dim=(1, 3, 4)) > 0
    assert (shown.sum(dim=1) == 2).all()
    assert len({tuple(one.tolist()) for one in shown}) > 2
    stripes = runs[torch.arange(8), :, shown.int().argmax(dim=1)]
    assert all(not torch.equal(run[0], run[1]) for run in stripes)
    again = _batch(task)
    assert torch.equal(runs, again)


def test_gradient_reaches_the_first_step_from_the_last(clip: Clip) -> None:
    task = _task(clip, _s2s(), unroll=3)
    runs = _batch(task)
    steps = task.unrolled(runs)
    first, last = steps[0][0], steps[-1][0]
    (reached,) = torch.autograd.grad(l1_and_gradient(last, runs[:, 6]), first)
    assert reached.abs().sum() > 0


@pytest.mark.parametrize("network", [_s2s, lambda: ConvLSTMNetwork(num_classes=K, channels=8)])
def test_what_moves_steadily_is_soon_forecast_better_than_by_copying(
    clip: Clip, network: Callable[[], nn.Module]
) -> None:
    task = _task(clip, network())
    told = _learnt(task, steps=40)
    runs = _batch(task)
    last = runs[:, 3]
    copying = task.distance(runs, [(last, nn.functional.avg_pool2d(last, 2))])
    assert sum(told[-5:]) / 5 < 0.8 * copying


def test_a_picture_network_learns_alike(clip: Clip) -> None:
    task = _task(clip, _s2s(3), unroll=2, pictures=True)
    losses = task.losses(_batch(task))
    losses["total"].backward()
    assert all(one.grad is not None for one in task.network.parameters())
    with torch.inference_mode():
        assert set(task.scores()) == {"score", "step 1", "step 2", "step 3"}


def test_a_network_that_copies_scores_nothing_over_copying(clip: Clip) -> None:
    task = _task(clip, ConvLSTMNetwork(num_classes=K, channels=4))
    with torch.inference_mode():
        assert set(task.scores().values()) == {0.0}


def test_gains_are_taken_from_counts_pooled_over_all_checked_runs(clip: Clip) -> None:
    runs = [even_run(clip, range(first, first + 6), pictures=False) for first in (0, 3)]
    drawer = EvenDrawer([clip], [1.0], length=5, window_hw=GRID_HW)
    torch.manual_seed(0)
    task = OneStepTask(_s2s(), drawer, runs, OneStepSettings())
    with torch.inference_mode():
        found = task.scores()["step 1"]
        forecasts = [task.network(run[None, :4])[0][0] for run in runs]
    sums = [torch.zeros(K, K), torch.zeros(K, K)]
    for run, forecast in zip(runs, forecasts, strict=True):
        for total, one in zip(sums, (forecast, run[3]), strict=True):
            at = run[4].argmax(dim=0).flatten(), one.argmax(dim=0).flatten()
            total.index_put_(at, torch.ones(()), accumulate=True)
    ious = [one.diag() / (one.sum(dim=0) + one.sum(dim=1) - one.diag()) for one in sums]
    ours, copy = (100 * one.nanmean().item() for one in ious)
    assert found == pytest.approx(ours - copy, abs=1e-4)


def _adversarial(clip: Clip, *, weight: float, unroll: int = 2) -> AdversarialTask:
    torch.manual_seed(0)
    judge = SequenceDiscriminator(num_maps=5, num_channels=K, width=4)
    settings = AdversarialSettings(adversarial=weight)
    return AdversarialTask(_task(clip, _s2s(), unroll=unroll), judge, settings)


def test_without_weight_the_judge_teaches_the_forecaster_nothing(clip: Clip) -> None:
    alone, judged = _task(clip, _s2s(), unroll=2), _adversarial(clip, weight=0.0)
    alone.network.load_state_dict(judged.network.forecaster.state_dict())
    runs = _batch(alone)
    alone.losses(runs)["total"].backward()
    judged.losses(runs)["total"].backward()
    forecaster = judged.network.forecaster
    for one, other in zip(alone.network.parameters(), forecaster.parameters(), strict=True):
        assert one.grad is not None
        assert other.grad is not None
        assert torch.allclose(one.grad, other.grad, atol=1e-6)


def test_with_weight_it_does_and_the_total_says_how_much(clip: Clip) -> None:
    task = _adversarial(clip, weight=0.5)
    losses = task.losses(task.draw(torch.Generator().manual_seed(3)))
    whole = losses["distance"] + 0.5 * losses["fooling"] + losses["judging"]
    assert torch.allclose(losses["total"], whole)
    weights = list(task.network.forecaster.parameters())
    gradients = torch.autograd.grad(losses["fooling"], weights, allow_unused=True)
    assert any(one is not None and one.abs().sum() > 0 for one in gradients)


def test_a_run_moves_both_sides_and_the_forecaster_can_be_kept_apart(
    clip: Clip, tmp_path: Path
) -> None:
    task = _adversarial(clip, weight=0.01, unroll=1)
    before = {name: one.clone() for name, one in task.network.state_dict().items()}
    fit(task, FitSettings(steps=2, score_every=2), folder=tmp_path)
    after = task.network.state_dict()
    moved = {name.split(".")[0] for name in before if not torch.equal(before[name], after[name])}
    assert moved == {"forecaster", "discriminator"}
    _s2s().load_state_dict(kept(task.network).state_dict())
    assert kept(task.network.forecaster) is task.network.forecaster
