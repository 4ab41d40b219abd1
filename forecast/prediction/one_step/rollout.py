"""One Rollout for every one-step network: its own forecast becomes its newest input.

Promises that k steps at once equal k single ones, and that soft maps are fed back as they come,
with no arg-max, clamp or gradient. Axes: B batch, T time, K classes, h w grid.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence

import torch
from jaxtyping import Float
from torch import Tensor

from forecast.errors import UsageError
from forecast.geometry.resize import probs_on_grid
from forecast.labels import LabelSpace
from forecast.prediction.fingerprint import fingerprint_of
from forecast.stages import OneStep
from forecast.values import Forecast, History, Needs


class Rollout:
    """A one-step network stepped as often as the horizon asks.

    Serves whole multiples of the stride and leaves every other horizon out.
    """

    def __init__(
        self, one_step: OneStep, *, name: str | None = None, fingerprint: str = ""
    ) -> None:
        """Makes a predictor of a network.

        Args:
            one_step: Steps a window by one stride.
            name: Name in reports; the network's own if None.
            fingerprint: Hash of the network's weights.
        """
        self._one_step = one_step
        self._name = name or one_step.name
        self._weights = fingerprint

    @property
    def name(self) -> str:
        """As given, or the network's."""
        return self._name

    @property
    def space(self) -> LabelSpace | None:
        """The network's."""
        return self._one_step.space

    @property
    def needs(self) -> Needs:
        """One window."""
        return Needs(num_observations=self._one_step.num_inputs, step_s=self._one_step.step_s)

    @property
    def fingerprint(self) -> str:
        """Of the name, the weights, the grid and the length of the window."""
        height, width = self._one_step.grid_hw
        return fingerprint_of(
            self._one_step.name,
            weights=self._weights,
            num_inputs=self._one_step.num_inputs,
            step_s=self._one_step.step_s,
            grid=f"{height}x{width}",
        )

    def predict(
        self, histories: Sequence[History], *, horizons_s: Sequence[float]
    ) -> Iterator[Forecast]:
        """Forecasts of all histories together, the nearest horizon of each first.

        Raises:
            UsageError: A history is of another label space, or too short.
        """
        if not histories:
            return
        windows = torch.stack([self._window(history) for history in histories])  # B T K h w
        wanted = [by_step(history, horizons_s) for history in histories]
        last = max((step for one in wanted for step in one), default=0)
        for step in range(1, last + 1):
            with torch.no_grad():
                newest = self._one_step.step(windows)
            windows = torch.cat([windows[:, 1:], newest[:, None]], dim=1)
            for history, horizons, raw in zip(histories, wanted, newest, strict=True):
                for horizon_s in horizons.get(step, ()):
                    yield self._forecast(history, horizon_s, raw)

    def _window(self, history: History) -> Float[Tensor, "T K h w"]:
        length, space = self._one_step.num_inputs, self._one_step.space
        if len(history.observations) < length:
            raise UsageError(
                f"{self.name} got {len(history.observations)} frames and needs {length}; "
                "start it later in the clip"
            )
        recent = [one.segmentation for one in history.observations[-length:]]
        if recent[-1].space != space:
            raise UsageError(
                f"{self.name} forecasts {space.name} and was given {recent[-1].space.name}; "
                "lift the segmentation to its space first"
            )
        return torch.stack([probs_on_grid(one, self._one_step.grid_hw) for one in recent])

    def _forecast(
        self, history: History, horizon_s: float, raw: Float[Tensor, "K h w"]
    ) -> Forecast:
        return Forecast(
            origin=history.origin,
            horizon_s=horizon_s,
            served_s=history.served_s(horizon_s),
            space=self._one_step.space,
            probs=as_probs(raw),
        )


def as_probs(raw: Float[Tensor, "K h w"]) -> Float[Tensor, "K h w"]:
    """A raw soft map as probabilities: nothing below 0, sums of 1, even where all was 0."""
    kept = raw.float().clamp(min=0)
    total = kept.sum(dim=0, keepdim=True)
    return torch.where(total > 1e-6, kept / total.clamp(min=1e-6), 1 / len(kept))


def by_step(history: History, horizons_s: Sequence[float]) -> dict[int, list[float]]:
    """Horizons by the step that serves them, without those that lie between two."""
    found: dict[int, list[float]] = {}
    for horizon_s in horizons_s:
        steps = history.num_steps(horizon_s)
        if steps is not None:
            found.setdefault(steps, []).append(horizon_s)
    return found
