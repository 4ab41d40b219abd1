from __future__ import annotations

import math

import torch

from forecast.training.tasks.discriminator import SequenceDiscriminator, adversarial_losses


def _judge() -> SequenceDiscriminator:
    return SequenceDiscriminator(num_maps=3, num_channels=2, width=4)


def _run() -> torch.Tensor:
    return torch.rand(2, 3, 2, 16, 32)


def test_a_judge_that_guesses_pays_log_two() -> None:
    judge = _judge()
    last = judge.layers[-1]
    for weight in last.parameters():
        torch.nn.init.zeros_(weight)
    losses = adversarial_losses(judge, _run(), _run())
    assert math.isclose(losses.discriminator.item(), math.log(2), rel_tol=1e-5)
    assert math.isclose(losses.forecaster.item(), math.log(2), rel_tol=1e-5)


def test_the_forecasters_loss_moves_no_judge() -> None:
    judge, forecast = _judge(), _run().requires_grad_()
    adversarial_losses(judge, forecast, _run()).forecaster.backward()
    assert all(one.grad is None for one in judge.parameters())
    assert forecast.grad is not None
    assert forecast.grad.abs().sum() > 0


def test_the_judges_loss_moves_no_forecast() -> None:
    judge, forecast = _judge(), _run().requires_grad_()
    adversarial_losses(judge, forecast, _run()).discriminator.backward()
    assert forecast.grad is None
    assert all(one.grad is not None for one in judge.parameters())


def test_a_judge_learns_what_blur_is() -> None:
    """One batch, small steps down its gradient: from any start it ends below a guesser's loss."""
    judge = _judge()
    truth = (_run() > 0.5).float()
    blurred = torch.cat([truth[:, :-1], torch.full_like(truth[:, -1:], 0.5)], dim=1)
    optimizer = torch.optim.AdamW(judge.parameters(), 1e-3)
    for _ in range(20):
        losses = adversarial_losses(judge, blurred, truth)
        optimizer.zero_grad()
        losses.discriminator.backward()
        optimizer.step()
    assert adversarial_losses(judge, blurred, truth).discriminator < math.log(2)


def test_a_forecast_that_is_the_truth_cannot_be_told_apart() -> None:
    judge, truth = _judge(), _run()
    losses = adversarial_losses(judge, truth, truth)
    assert losses.discriminator >= math.log(2) - 1e-6
