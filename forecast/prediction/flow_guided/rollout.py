"""The autoregressive flow-guided predictor: a state, advanced stride by stride from itself.

Promises that k steps at once equal k single ones, that an untrained network is `flow-warp` at every
step, and that the origin's map is sampled once whatever the horizon. Axes: T observations, K
classes, H W the map's grid, h w the network's.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence

import torch

from forecast.device import Placement, running
from forecast.geometry.resize import resize_flow, resize_maps
from forecast.geometry.warp import followed
from forecast.labels import LabelSpace
from forecast.prediction.fingerprint import fingerprint_of
from forecast.prediction.flow_guided.network import Correction, FlowGuidedNetwork, applied
from forecast.prediction.flow_guided.predictor import ON_CPU, FlowGuided
from forecast.prediction.flow_guided.scene import Past, placed
from forecast.prediction.flow_guided.state import State, advanced, at_origin, corrected
from forecast.prediction.one_step.rollout import by_step
from forecast.prediction.warping.motion import motion_at_origin, moved
from forecast.values import Forecast, History, Needs


class FlowRollout:
    """Forecasts at whole multiples of the stride, each from the one before.

    Other horizons are left out, never shifted. Beyond `longest_s` the last state is held and fades
    to a copy, as the direct forecasts do.
    """

    def __init__(self, direct: FlowGuided, *, name: str = "flow-rollout-small") -> None:
        """Takes the parts of a direct predictor whose network learnt through its own roll-outs."""
        self._parts = direct
        self.name = name

    @property
    def space(self) -> LabelSpace | None:
        """The network's."""
        return self._parts.space

    @property
    def needs(self) -> Needs:
        """As the direct predictor."""
        return self._parts.needs

    @property
    def fingerprint(self) -> str:
        """Of the name and all that the direct one is made of."""
        return fingerprint_of(self.name, parts=self._parts.fingerprint)

    def predict(
        self, histories: Sequence[History], *, horizons_s: Sequence[float]
    ) -> Iterator[Forecast]:
        """Forecasts at the horizons that a whole number of strides reaches, the nearest first.

        Raises:
            UsageError: A history is of another label space, or too short.
        """
        for history in histories:
            self._parts.check(history)
            yield from self._forecasts(history, by_step(history, horizons_s))

    def _forecasts(
        self, history: History, horizons_s: dict[int, list[float]]
    ) -> Iterator[Forecast]:
        last = history.observations[-1].segmentation
        motion = motion_at_origin(history, self._parts.flow, last.grid_hw)
        past = self._parts.past(history, motion)
        most = max(1, int(self._parts.longest_s / history.stride_s + 1e-6))
        rising = sorted(horizons_s)
        held = sorted({min(step, most) for step in rising})
        whole = dict(zip(held, followed(motion.flow, _flow_steps(past, held)), strict=True))
        states = {state.num_steps: state for state in self._states(past, max(held, default=0))}
        plain = dict(zip(held, followed(past.flow, _flow_steps(past, held)), strict=True))
        for step in rising:
            served = min(step, most)
            path, state = whole[served], states[served]
            bend = resize_flow(state.displacement - plain[served], last.grid_hw)
            for horizon_s in horizons_s[step]:
                trust = self._parts.trust(horizon_s)
                factor = 1 + trust * (resize_maps(state.log_evidence.exp(), last.grid_hw) - 1)
                yield Forecast(
                    origin=history.origin,
                    horizon_s=horizon_s,
                    served_s=history.served_s(horizon_s),
                    space=last.space,
                    probs=applied(moved(last, trust * (path + bend))[None], factor[None])[0],
                )

    def _states(self, past: Past, last: int) -> Iterator[State]:
        """One for each step up to the last."""
        state, network = at_origin(past), self._parts.network
        assert isinstance(network, FlowGuidedNetwork)
        for _ in range(last):
            state = next_state(network, past, state, placement=self._parts.placement)
            yield state


def next_state(
    network: FlowGuidedNetwork, past: Past, state: State, *, placement: Placement = ON_CPU
) -> State:
    """One step: motion first, then what the network says of it.

    In float32 and where the past is: flows on the CPU, maps on the segmentation's device.
    """
    advance, maps = advanced(past, state), past.maps.device
    with running(network, placement):
        said = network(placed(advance.scene, placement.device))
    with torch.inference_mode():
        here = Correction(
            slack=said.slack.float().to(advance.moved.device),
            bend=said.bend.float().to(advance.moved.device),
            weights=said.weights.float().to(maps),
            evidence=said.evidence.float().to(maps),
        )
        return corrected(advance, here)


def _flow_steps(past: Past, steps: Sequence[int]) -> list[float]:
    return [step * past.stride_s / past.frame_s for step in steps]
