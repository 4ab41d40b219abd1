"""The loop: seeded, and the same after a kill as without one."""

from __future__ import annotations

import os
from collections.abc import Mapping
from dataclasses import replace
from pathlib import Path

import pytest
import torch
from torch import Generator, Tensor, nn

from forecast.errors import CheckpointError, UsageError
from forecast.training.fit import FitSettings, Progress, fit

_SEED = int(os.environ.get("FORECAST_TEST_SEED", "0"))


class _Line:
    """Learns y = 2 x - 1 from random points."""

    def __init__(self) -> None:
        # Each starts alike; `fit` seeds torch for its own draws.
        torch.manual_seed(_SEED)
        self.network = nn.Linear(1, 1)

    def draw(self, generator: Generator) -> Tensor:
        return torch.randn(16, 1, generator=generator)

    def losses(self, batch: Tensor) -> Mapping[str, Tensor]:
        return {"total": (self.network(batch) - (2 * batch - 1)).square().mean()}

    def scores(self) -> Mapping[str, float]:
        points = torch.linspace(-1, 1, 9)[:, None]
        return {"score": -float((self.network(points) - (2 * points - 1)).square().mean())}


SETTINGS = FitSettings(steps=60, learning_rate=0.1, score_every=20, save_every=10, average=0.9)


def _weights(task: _Line) -> dict[str, Tensor]:
    return {name: value.clone() for name, value in task.network.state_dict().items()}


def _equal(one: dict[str, Tensor], other: dict[str, Tensor]) -> bool:
    return all(torch.equal(one[name], other[name]) for name in one)


def test_it_learns(tmp_path: Path) -> None:
    result = fit(_Line(), replace(SETTINGS, steps=200), folder=tmp_path)
    assert result.scores["score"] > -0.01


@pytest.mark.parametrize("killed_at", [1, 10, 37])
def test_a_killed_run_ends_with_the_same_weights(tmp_path: Path, killed_at: int) -> None:
    whole, halves = _Line(), _Line()
    fit(whole, SETTINGS, folder=tmp_path / "whole")
    fit(halves, SETTINGS, folder=tmp_path / "halves", until=killed_at)
    again = _Line()
    fit(again, SETTINGS, folder=tmp_path / "halves")
    assert _equal(_weights(whole), _weights(again))


def test_a_kill_between_saves_costs_steps_and_nothing_else(tmp_path: Path) -> None:
    class _KilledError(Exception):
        pass

    def kill(progress: Progress) -> None:
        if progress.step == 27:
            raise _KilledError

    with pytest.raises(_KilledError):
        fit(_Line(), SETTINGS, folder=tmp_path / "halves", report=kill)
    whole, again = _Line(), _Line()
    fit(again, SETTINGS, folder=tmp_path / "halves")
    fit(whole, SETTINGS, folder=tmp_path / "whole")
    assert _equal(_weights(whole), _weights(again))


def test_another_seed_gives_other_weights(tmp_path: Path) -> None:
    one, other = _Line(), _Line()
    fit(one, SETTINGS, folder=tmp_path / "one")
    fit(other, replace(SETTINGS, seed=1), folder=tmp_path / "other")
    assert not _equal(_weights(one), _weights(other))


def test_the_best_weights_are_kept_not_the_last(tmp_path: Path) -> None:
    class _Fading(_Line):
        looks = 0

        def scores(self) -> Mapping[str, float]:
            self.looks += 1
            return {"score": -float(self.looks)}

    result = fit(_Fading(), SETTINGS, folder=tmp_path)
    assert result.step == 20


def test_progress_names_the_step_and_what_is_left(tmp_path: Path) -> None:
    told: list[Progress] = []
    fit(_Line(), SETTINGS, folder=tmp_path, report=told.append)
    assert [one.step for one in told] == list(range(1, 61))
    assert told[-1].eta_s == 0
    assert "score" in told[19].values


def test_a_state_of_other_settings_is_refused(tmp_path: Path) -> None:
    fit(_Line(), SETTINGS, folder=tmp_path, until=5)
    with pytest.raises(CheckpointError, match="choose another folder"):
        fit(_Line(), replace(SETTINGS, learning_rate=0.2), folder=tmp_path)


def test_a_state_of_another_network_is_refused(tmp_path: Path) -> None:
    fit(_Line(), SETTINGS, folder=tmp_path, until=5)
    other = _Line()
    other.network = nn.Linear(2, 1)
    with pytest.raises(CheckpointError, match="another network"):
        fit(other, SETTINGS, folder=tmp_path)


@pytest.mark.parametrize("wrong", [{"steps": 0}, {"optimizer": "adam"}, {"precision": "fp8"}])
def test_settings_that_cannot_be_are_refused(wrong: dict[str, object]) -> None:
    with pytest.raises(UsageError):
        FitSettings(**wrong)  # pyright: ignore[reportArgumentType]


@pytest.mark.parametrize("optimizer", ["adamw", "sgd"])
def test_both_optimizers_learn(tmp_path: Path, optimizer: str) -> None:
    # A step moves a weight by no more than the rate, 0.025 in the mean: 400 of them reach any
    # start, and without noise in the truth nothing keeps either from it.
    settings = replace(SETTINGS, optimizer=optimizer, learning_rate=0.05, steps=400)
    result = fit(_Line(), settings, folder=tmp_path)
    assert result.scores["score"] > -0.01


def test_whoever_looks_sees_the_weights_that_were_scored(tmp_path: Path) -> None:
    class _Scored(_Line):
        def __init__(self) -> None:
            super().__init__()
            self.scored: list[Tensor] = []

        def scores(self) -> Mapping[str, float]:
            self.scored.append(self.network.weight.clone())
            return super().scores()

    task, seen = _Scored(), list[tuple[int, Tensor]]()
    fit(
        task,
        SETTINGS,
        folder=tmp_path,
        look=lambda step: seen.append((step, task.network.weight.clone())),
    )
    assert [step for step, _ in seen] == [20, 40, 60]
    assert all(torch.equal(one, other) for (_, one), other in zip(seen, task.scored, strict=True))
