"""The training loop: seeded, resumable to the same weights, on one process or under torchrun.

What step k draws depends on the seed, k and the rank alone, and everything else that matters is in
the state file, so a run that was killed and started again ends as if it had not been.
Knows no network: a `Task` brings it.
"""

from __future__ import annotations

import math
import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Generic, Protocol, TypeVar, runtime_checkable

import torch
from torch import Generator, Tensor, nn

from forecast.errors import CheckpointError, UsageError
from forecast.files import replacing
from forecast.training.ranks import joined_group

STATE_NAME = "state.pt"
_WARM_UP = 0.03
"""Share of all steps over which the learning rate rises."""

BatchT = TypeVar("BatchT")


@runtime_checkable
class Task(Protocol[BatchT]):
    """What is learnt."""

    @property
    def network(self) -> nn.Module:
        """What has the weights."""
        ...

    def draw(self, generator: Generator) -> BatchT:
        """One batch; equal generators give equal batches."""
        ...

    def losses(self, batch: BatchT) -> Mapping[str, Tensor]:
        """What the batch costs, by name; `total` is what is minimised."""
        ...

    def scores(self) -> Mapping[str, float]:
        """How good the network is, by name; the checkpoint of the highest `score` is kept."""
        ...


@runtime_checkable
class _Sided(Protocol):
    """Networks that learn against each other."""

    @property
    def sides(self) -> Sequence[nn.Module]: ...


@dataclass(frozen=True, slots=True, kw_only=True)
class FitSettings:
    """How long and how hard."""

    steps: int = 2000
    learning_rate: float = 2e-3
    weight_decay: float = 1e-4
    optimizer: str = "adamw"
    """adamw or sgd."""
    seed: int = 0
    score_every: int = 250
    save_every: int = 100
    average: float = 0.995
    """Decay of the running mean of weights that is scored and kept; 0 keeps the weights as is."""
    gradient_limit: float = 1.0
    precision: str = "fp32"
    """fp32 or bf16 (autocast)."""

    def __post_init__(self) -> None:
        if self.steps < 1:
            raise UsageError(f"steps is {self.steps}; at least 1 is needed")
        if self.optimizer not in ("adamw", "sgd"):
            raise UsageError(f"no optimizer is called {self.optimizer!r}; known: adamw, sgd")
        if self.precision not in ("fp32", "bf16"):
            raise UsageError(f"no precision is called {self.precision!r}; known: fp32, bf16")


@dataclass(frozen=True, slots=True, kw_only=True)
class Progress:
    """Where a run stands."""

    step: int
    steps: int
    eta_s: float
    values: Mapping[str, float]
    """Losses of this step, and scores when they were just taken."""


@dataclass(frozen=True, slots=True, kw_only=True)
class FitResult:
    """What came of it; the best weights are in the first rank's network."""

    step: int
    """Of the best checkpoint."""
    scores: Mapping[str, float]
    is_first: bool = True
    """Whether this is the rank that has the best weights, and keeps them."""


def fit(
    task: Task[BatchT],
    settings: FitSettings,
    *,
    folder: Path,
    device: str = "cpu",
    report: Callable[[Progress], None] = lambda _: None,
    look: Callable[[int], None] = lambda _: None,
    until: int | None = None,
) -> FitResult:
    """The best weights found, left in the task's network.

    Args:
        task: What is learnt; its network is on `device` already.
        settings: How long and how hard.
        folder: Where the state is kept; a state found there is continued.
        device: For autocast.
        report: Called after every step, on the first rank alone.
        look: Called with the step at each scoring, while the network has the weights that were
            scored; on the first rank alone.
        until: Stop after this step with the state saved, as a kill would.

    Raises:
        CheckpointError: The state found was made by other settings or another network.
    """
    run = _Run(task, settings, folder)
    run.resume()
    began, first = time.monotonic(), run.step
    while run.step < min(settings.steps, until or settings.steps):
        losses = run.advance(device)
        values = {name: float(value) for name, value in losses.items()}
        last = run.step == settings.steps
        scored = run.step % settings.score_every == 0 or last
        if run.is_first and scored:
            values |= run.score(look)
        if run.is_first and (run.step % settings.save_every == 0 or scored or run.step == until):
            run.save()
        if run.is_first:
            pace = (time.monotonic() - began) / (run.step - first)
            eta_s = pace * (settings.steps - run.step)
            report(Progress(step=run.step, steps=settings.steps, eta_s=eta_s, values=values))
    return run.finish()


class _Run(Generic[BatchT]):
    """The state of one run."""

    def __init__(self, task: Task[BatchT], settings: FitSettings, folder: Path) -> None:
        self.task, self.settings, self.step = task, settings, 0
        self.rank, self.world = joined_group()
        self.is_first = self.rank == 0
        self.path = folder / STATE_NAME
        folder.mkdir(parents=True, exist_ok=True)
        self.network = task.network
        self.optimizer = _optimizer(self.network, settings)
        self.mean = {name: value.clone() for name, value in self.network.state_dict().items()}
        self.best: dict[str, Any] = {"step": 0, "scores": {}, "weights": self.mean}

    def advance(self, device: str) -> Mapping[str, Tensor]:
        """One step."""
        settings = self.settings
        for group in self.optimizer.param_groups:
            group["lr"] = settings.learning_rate * _schedule(self.step / settings.steps)
        seed = hash((settings.seed, self.step, self.rank))
        generator = Generator().manual_seed(seed)
        # Dropout draws from the global generator; a resumed run must draw as one that was not cut.
        torch.manual_seed(seed)
        self.network.train()
        with torch.autocast(device, torch.bfloat16, enabled=settings.precision == "bf16"):
            losses = self.task.losses(self.task.draw(generator))
        self.optimizer.zero_grad(set_to_none=True)
        losses["total"].backward()
        self._share_gradients()
        for side in _sides(self.network):
            nn.utils.clip_grad_norm_(side.parameters(), settings.gradient_limit)
        self.optimizer.step()
        self.step += 1
        self._average()
        return {name: value.detach() for name, value in losses.items()}

    def _share_gradients(self) -> None:
        if self.world == 1:
            return
        for parameter in self.network.parameters():
            if parameter.grad is None:
                parameter.grad = torch.zeros_like(parameter)
            torch.distributed.all_reduce(parameter.grad)
            parameter.grad /= self.world

    def _average(self) -> None:
        decay = min(self.settings.average, self.step / (self.step + 10))
        for name, value in self.network.state_dict().items():
            if value.is_floating_point() and self.settings.average:
                self.mean[name].lerp_(value, 1 - decay)
            else:
                self.mean[name].copy_(value)

    def score(self, look: Callable[[int], None]) -> Mapping[str, float]:
        """Scores of the mean weights, which are kept if they are the best so far."""
        current = {name: value.clone() for name, value in self.network.state_dict().items()}
        self.network.load_state_dict(self.mean)
        self.network.eval()
        with torch.inference_mode():
            scores = dict(self.task.scores())
            look(self.step)
        self.network.load_state_dict(current)
        if scores["score"] >= self.best["scores"].get("score", -math.inf):
            weights = {name: value.clone() for name, value in self.mean.items()}
            self.best = {"step": self.step, "scores": scores, "weights": weights}
        return scores

    def save(self) -> None:
        """Write the state, whole or not at all."""
        state = {
            "settings": repr(self.settings),
            "step": self.step,
            "network": self.network.state_dict(),
            "optimizer": self.optimizer.state_dict(),
            "mean": self.mean,
            "best": self.best,
        }
        with replacing(self.path) as file:
            torch.save(state, file)

    def resume(self) -> None:
        """Continue a state that is there."""
        if not self.path.is_file():
            return
        state = torch.load(self.path, map_location="cpu", weights_only=True)
        if state["settings"] != repr(self.settings):
            raise CheckpointError(
                f"{self.path} was made with {state['settings']}, now {self.settings!r} are asked "
                "for; continue with the same settings or choose another folder"
            )
        try:
            self.network.load_state_dict(state["network"])
        except RuntimeError as fault:
            raise CheckpointError(
                f"{self.path} is of another network; choose another folder"
            ) from fault
        self.optimizer.load_state_dict(state["optimizer"])
        for name, value in state["mean"].items():
            self.mean[name].copy_(value)
        self.best, self.step = state["best"], state["step"]

    def finish(self) -> FitResult:
        """Load the best weights."""
        self.network.load_state_dict(self.best["weights"])
        self.network.eval()
        best = self.best
        return FitResult(step=best["step"], scores=best["scores"], is_first=self.is_first)


def _sides(network: nn.Module) -> Sequence[nn.Module]:
    """The parts whose gradients are limited apart: adversaries', else the network whole."""
    return network.sides if isinstance(network, _Sided) else (network,)


def _optimizer(network: nn.Module, settings: FitSettings) -> torch.optim.Optimizer:
    if settings.optimizer == "sgd":
        return torch.optim.SGD(
            network.parameters(),
            settings.learning_rate,
            momentum=0.9,
            weight_decay=settings.weight_decay,
        )
    return torch.optim.AdamW(
        network.parameters(), settings.learning_rate, weight_decay=settings.weight_decay
    )


def _schedule(done: float) -> float:
    """Share of the learning rate: a short rise, then a cosine to a hundredth."""
    if done < _WARM_UP:
        return (done + 1e-3) / (_WARM_UP + 1e-3)
    progress = (done - _WARM_UP) / (1 - _WARM_UP)
    return 0.01 + 0.99 * 0.5 * (1 + math.cos(math.pi * progress))
