"""The autoregressive forecasts: the warp to begin with, and a state that is never resampled."""

from __future__ import annotations

import pytest
import torch

from forecast.flow.dis import DisFlow
from forecast.labels import CAMVID
from forecast.prediction.flow_guided.network import FlowGuidedNetwork, Width
from forecast.prediction.flow_guided.predictor import COPIED_S, FlowGuided
from forecast.prediction.flow_guided.rollout import FlowRollout, next_state
from forecast.prediction.flow_guided.scene import Past
from forecast.prediction.flow_guided.state import LOG_LIMIT, at_origin, belief_of
from forecast.prediction.warping.flow_warp import FlowWarp
from forecast.values import Frame, History, Instant, Observation, Segmentation

H, W, K, STRIDE, FPS = 32, 64, CAMVID.num_classes, 3, 15
TINY = Width(embedding=2, levels=(4, 4, 4), depth=1)
STEPS_S = tuple(STRIDE * step / FPS for step in range(1, 6))


def _network(*, trained: bool) -> FlowGuidedNetwork:
    torch.manual_seed(0)
    network = FlowGuidedNetwork(num_classes=K, num_maps=3, width=TINY).eval()
    if trained:
        torch.nn.init.normal_(network.leave.weight, std=0.1)
    return network


def _rollout(*, trained: bool) -> FlowRollout:
    network = _network(trained=trained)
    return FlowRollout(FlowGuided(network, DisFlow(), space=CAMVID, grid_hw=(16, 32)))


def _history(*, seen_before: bool = True) -> History:
    generator = torch.Generator().manual_seed(1)
    scene = torch.rand(1, 3, 10, 40, generator=generator) * 255
    scene = torch.nn.functional.interpolate(scene, scale_factor=4.0, mode="bilinear")[0]
    beliefs = (torch.rand(K, H, W + 10, generator=generator) * 3).softmax(dim=0)
    seen: list[Observation] = []
    for index in range(STRIDE + 1):
        at = Instant(clip="a", index=index, pts_s=index / FPS)
        frame = Frame(at=at, rgb=scene[:, :H, index : index + W].byte())
        probs = beliefs[..., index : index + W].contiguous()
        segmentation = Segmentation(at=at, space=CAMVID, size_hw=(H, W), probs=probs)
        seen.append(Observation(frame=frame, segmentation=segmentation))
    return History(
        observations=(seen[0], seen[STRIDE]),
        previous=seen[STRIDE - 1].frame,
        before=seen[STRIDE - 1].segmentation if seen_before else None,
        stride_s=STRIDE / FPS,
        frame_s=1 / FPS,
    )


def _past() -> Past:
    generator = torch.Generator().manual_seed(2)
    maps = (torch.rand(3, K, 16, 32, generator=generator) * 3).softmax(dim=1)
    flow = torch.rand(2, 16, 32, generator=generator)
    return Past(
        maps=maps[1:],
        flow=flow,
        older_flows=(STRIDE * flow)[None],
        frame_s=1 / FPS,
        stride_s=STRIDE / FPS,
        before=maps[0],
    )


@pytest.mark.parametrize("seen_before", [True, False])
def test_an_untrained_network_is_the_warp_at_every_step(*, seen_before: bool) -> None:
    history = _history(seen_before=seen_before)
    ours = list(_rollout(trained=False).predict([history], horizons_s=STEPS_S))
    warps = list(FlowWarp(DisFlow()).predict([history], horizons_s=STEPS_S))
    assert [one.horizon_s for one in ours] == list(STEPS_S)
    for found, warped in zip(ours, warps, strict=True):
        assert torch.allclose(found.probs, warped.probs, atol=1e-5)


def test_many_horizons_at_once_are_those_asked_alone() -> None:
    rollout, history = _rollout(trained=True), _history()
    together = list(rollout.predict([history], horizons_s=STEPS_S))
    for one in together:
        (alone,) = rollout.predict([history], horizons_s=[one.horizon_s])
        assert torch.equal(alone.probs, one.probs)
    gap = together[2].probs - next(FlowWarp(DisFlow()).predict([history], horizons_s=[0.6])).probs
    assert gap.abs().max() > 1e-3


def test_a_step_is_made_from_the_last_forecast_and_not_from_the_origin_alone() -> None:
    network, past = _network(trained=True), _past()
    first = next_state(network, past, at_origin(past))
    second = next_state(network, past, first)
    assert second.num_steps == 2
    forgotten = next_state(network, past, at_origin(past))
    assert torch.equal(forgotten.displacement, first.displacement)
    assert not torch.allclose(second.log_evidence, first.log_evidence)


def test_what_a_state_stands_for_are_probabilities_however_far_it_is_rolled() -> None:
    network, past = _network(trained=True), _past()
    state = at_origin(past)
    for _ in range(8):
        state = next_state(network, past, state)
        belief = belief_of(past, state)
        assert torch.allclose(belief.sum(dim=0), torch.ones(16, 32), atol=1e-4)
        assert belief.min() >= 0
        assert state.log_evidence.abs().max() <= LOG_LIMIT


def test_horizons_between_two_strides_are_left_out() -> None:
    found = _rollout(trained=True).predict([_history()], horizons_s=(1 / 15, 3 / 15, 4 / 15))
    assert [one.horizon_s for one in found] == [3 / 15]


def test_far_forecasts_return_to_a_copy() -> None:
    history = _history()
    kept = history.observations[-1].segmentation.probs
    assert kept is not None
    found = list(_rollout(trained=True).predict([history], horizons_s=(1.2, 3.0, COPIED_S, 10.0)))
    gaps = [(one.probs - kept).abs().mean().item() for one in found]
    assert gaps[0] > gaps[1] > 1e-4
    assert max(gaps[2:]) < 1e-6
    assert found[3].served_s == pytest.approx(10.0)


def test_its_fingerprint_is_not_that_of_the_direct_one() -> None:
    direct = FlowGuided(_network(trained=True), DisFlow(), space=CAMVID, grid_hw=(16, 32))
    assert FlowRollout(direct).fingerprint != direct.fingerprint
