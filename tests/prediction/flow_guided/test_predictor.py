"""Flow-guided forecasts: the warp to begin with, and no more than the network says after."""

from __future__ import annotations

from dataclasses import replace

import pytest
import torch

from forecast.errors import UsageError
from forecast.flow.dis import DisFlow
from forecast.labels import CAMVID, CITYSCAPES
from forecast.prediction.flow_guided.network import (
    BASE,
    EVIDENCE_LIMIT,
    FLOOR,
    NUM_OPTIONS,
    RAMP_S,
    SMALL,
    FlowGuidedNetwork,
    Scene,
    Width,
    applied,
    bent_displacement,
)
from forecast.prediction.flow_guided.predictor import FlowGuided
from forecast.prediction.flow_guided.scene import Past, scene_at
from forecast.prediction.warping.flow_warp import FlowWarp
from forecast.values import Frame, History, Instant, Observation, Segmentation

H, W, K = 32, 64, CAMVID.num_classes
TINY = Width(embedding=2, levels=(4, 4, 4), depth=1)


def _network() -> FlowGuidedNetwork:
    return FlowGuidedNetwork(num_classes=K, num_maps=3, width=TINY).eval()


def _history(*, true_ids: bool = False, seed: int = 1) -> History:
    generator = torch.Generator().manual_seed(seed)
    scene = torch.rand(1, 3, 10, 40, generator=generator) * 255
    scene = torch.nn.functional.interpolate(scene, scale_factor=4.0, mode="bilinear")[0]
    frames = [
        Frame(
            at=Instant(clip="a", index=index, pts_s=index / 15),
            rgb=scene[:, :H, index : index + W].byte(),
        )
        for index in range(10)
    ]
    observations: list[Observation] = []
    for frame in frames[::3]:
        probs = (torch.rand(K, H, W, generator=generator) * 3).softmax(dim=0)
        ids = probs.argmax(dim=0).byte()
        seen = Segmentation(
            at=frame.at,
            space=CAMVID,
            size_hw=(H, W),
            probs=None if true_ids else probs,
            ids=ids if true_ids else None,
        )
        observations.append(Observation(frame=frame, segmentation=seen))
    return History(
        observations=tuple(observations), previous=frames[8], stride_s=3 / 15, frame_s=1 / 15
    )


def _forecasts(predictor: FlowGuided | FlowWarp, history: History) -> list[torch.Tensor]:
    return [one.probs for one in predictor.predict([history], horizons_s=(3 / 15, 9 / 15))]


@pytest.mark.parametrize("true_ids", [False, True])
def test_an_untrained_network_is_the_warp(*, true_ids: bool) -> None:
    history = _history(true_ids=true_ids)
    ours = FlowGuided(_network(), DisFlow(), space=CAMVID, grid_hw=(16, 32))
    for found, warped in zip(
        _forecasts(ours, history), _forecasts(FlowWarp(DisFlow()), history), strict=True
    ):
        assert torch.allclose(found, warped, atol=1e-5)


def test_all_slack_is_a_copy() -> None:
    network = _network()
    torch.nn.init.zeros_(network.leave.weight)
    with torch.no_grad():
        network.leave.bias[0] = 1.0  # pyright: ignore[reportOptionalSubscript]
    history = _history()
    ours = FlowGuided(network, DisFlow(), space=CAMVID, grid_hw=(16, 32))
    kept = history.observations[-1].segmentation.probs
    assert kept is not None
    for found in _forecasts(ours, history):
        assert torch.allclose(found, kept, atol=1e-4)


@pytest.mark.parametrize("said", [-30.0, 30.0])
def test_evidence_changes_the_odds_of_its_class_by_no_more_than_its_limit(said: float) -> None:
    network = _network()
    with torch.no_grad():
        network.leave.bias[sum(network.parts[:4]) + 2] = said  # pyright: ignore[reportOptionalSubscript]
    history = _history()
    ours = FlowGuided(network, DisFlow(), space=CAMVID, grid_hw=(16, 32))
    odds = [
        ((one[2] + FLOOR) / (one[3] + FLOOR)).log()
        for one in (
            _forecasts(ours, history)[1],
            _forecasts(FlowWarp(DisFlow()), history)[1],
        )
    ]
    change = odds[0] - odds[1]
    assert (change * (1 if said > 0 else -1) > 0.5).all()
    assert change.abs().max() < 1.2 * EVIDENCE_LIMIT


def test_corrections_gain_strength_with_the_horizon() -> None:
    network = _network()
    torch.nn.init.normal_(network.leave.weight, std=0.1)
    past = Past(
        maps=torch.rand(2, K, 8, 16),
        flow=torch.zeros(2, 8, 16),
        older_flows=torch.zeros(1, 2, 8, 16),
        frame_s=0.1,
        stride_s=0.3,
    )
    scene = scene_at(past, torch.zeros(2, 8, 16), horizon_s=RAMP_S)
    nothing = replace(scene, horizon_s=torch.zeros(1))
    with torch.inference_mode():
        whole, none = network(scene), network(nothing)
    assert whole.weights.abs().max() > 0
    assert whole.evidence.abs().max() > 0
    assert not none.weights.any()
    assert not none.evidence.any()


def test_beyond_the_longest_horizon_the_forecast_returns_to_a_copy() -> None:
    network = _network()
    history = _history()
    kept = history.observations[-1].segmentation.probs
    assert kept is not None
    ours = FlowGuided(network, DisFlow(), space=CAMVID, grid_hw=(16, 32), longest_s=0.6)
    found = list(ours.predict([history], horizons_s=(0.6, 2.8, 4.8, 5.0, 10.0)))
    gaps = [(one.probs - kept).abs().mean().item() for one in found]
    assert gaps[1] > gaps[2] > 1e-3
    assert gaps[3] < 1e-6
    assert torch.equal(found[3].probs, found[4].probs)
    assert found[4].served_s == pytest.approx(10.0)


def test_another_space_is_refused_by_name() -> None:
    ours = FlowGuided(_network(), DisFlow(), space=CITYSCAPES, grid_hw=(16, 32))
    with pytest.raises(UsageError, match="forecasts cityscapes and was given camvid"):
        list(ours.predict([_history()], horizons_s=(0.2,)))


def test_too_short_a_history_is_refused() -> None:
    history = _history()
    ours = FlowGuided(_network(), DisFlow(), space=CAMVID, grid_hw=(16, 32))
    with pytest.raises(UsageError, match="got 1 frames and needs 2"):
        list(
            ours.predict(
                [replace(history, observations=history.observations[3:])], horizons_s=(0.2,)
            )
        )


def test_still_pictures_carry_every_past_map_to_its_own_place() -> None:
    maps, before = torch.rand(3, K, 8, 16), torch.rand(K, 8, 16)
    past = Past(
        maps=maps,
        flow=torch.zeros(2, 8, 16),
        older_flows=torch.zeros(2, 2, 8, 16),
        frame_s=0.1,
        stride_s=0.3,
        before=before,
    )
    scene = scene_at(past, torch.zeros(2, 8, 16), horizon_s=0.5)
    assert torch.allclose(scene.carried[0], torch.stack([maps[0], maps[1], before, maps[2]]))
    assert torch.equal(scene.inside, torch.ones(1, 4, 8, 16))


def test_a_map_that_was_not_seen_is_marked_and_stands_for_nothing_new() -> None:
    past = Past(
        maps=torch.rand(2, K, 8, 16),
        flow=torch.zeros(2, 8, 16),
        older_flows=torch.zeros(1, 2, 8, 16),
        frame_s=0.1,
        stride_s=0.3,
    )
    scene = scene_at(past, torch.zeros(2, 8, 16), horizon_s=0.5)
    assert scene.inside[0].flatten(1).any(dim=1).tolist() == [True, False, True]
    assert torch.equal(scene.carried[0, 1], scene.carried[0, 2])


def test_steady_motion_brings_every_map_to_the_same_place() -> None:
    shown = torch.rand(K, 8, 40)
    maps = torch.stack([shown[:, :, 3 * step : 3 * step + 16] for step in range(3)])
    flow = torch.zeros(2, 8, 16)
    flow[0] = 1.0
    past = Past(
        maps=maps,
        flow=flow,
        older_flows=(3 * flow).expand(2, -1, -1, -1),
        frame_s=0.1,
        stride_s=0.3,
        before=shown[:, :, 5:21],
    )
    scene = scene_at(past, 2 * flow, horizon_s=0.2)
    everywhere = scene.inside.bool().all(dim=1)[:, None, None].expand_as(scene.carried)
    newest = scene.carried[:, -1:].expand_as(scene.carried)
    assert everywhere.any()
    assert torch.allclose(scene.carried[everywhere], newest[everywhere])


def _block_moving_right(past_px: int) -> Past:
    """Four pixels a frame to the right over a still ground; its left edge is at column 8."""
    flow = torch.zeros(2, 8, 32)
    flow[0, 2:6, 8:12] = -4.0
    maps = torch.zeros(2, K, 8, 32)
    return Past(
        maps=maps,
        flow=flow,
        older_flows=past_px * flow[None] / 4,
        frame_s=0.1,
        stride_s=0.1,
    )


def test_the_first_option_finds_a_moving_thing_where_it_will_be() -> None:
    scene = scene_at(_block_moving_right(4), torch.zeros(2, 8, 32), horizon_s=0.1)
    where = (slice(2, 6), slice(12, 16))
    assert torch.equal(scene.options[0, 0, 0][where], torch.full((4, 4), -4.0))
    assert torch.equal(scene.doubt[0, 0][where], torch.zeros(4, 4))


def test_the_second_option_follows_the_motion_of_a_whole_stride() -> None:
    scene = scene_at(_block_moving_right(8), torch.zeros(2, 8, 32), horizon_s=0.1)
    assert torch.equal(scene.options[0, 1, 0, 2:6, 8:12], torch.full((4, 4), -8.0))
    assert not scene.options[0, 1, 0, :, 20:].any()


def test_options_are_taken_as_the_network_chooses() -> None:
    network = _network()
    moving = _block_moving_right(8)
    scene = scene_at(moving, torch.zeros(2, 8, 32), horizon_s=0.1)
    with torch.no_grad():
        network.leave.bias[3] = 1.0  # pyright: ignore[reportOptionalSubscript]
        bent = bent_displacement(scene.displacement, network(scene))
    assert torch.allclose(bent, scene.options[:, 0])


def test_maps_made_small_once_are_those_of_a_fresh_predictor() -> None:
    network = _network()
    torch.nn.init.normal_(network.leave.weight, std=0.1)
    ours = FlowGuided(network, DisFlow(), space=CAMVID, grid_hw=(16, 32))
    history, other = _history(), _history(seed=5)
    for one in (history, other, history):
        fresh = FlowGuided(network, DisFlow(), space=CAMVID, grid_hw=(16, 32))
        for found, wanted in zip(_forecasts(ours, one), _forecasts(fresh, one), strict=True):
            assert torch.equal(found, wanted)


def test_a_factor_of_one_changes_nothing() -> None:
    bent = torch.rand(1, K, 4, 8).softmax(dim=1)
    assert torch.allclose(applied(bent, torch.ones_like(bent)), bent, atol=1e-6)


def test_a_bend_is_scaled_with_the_grid() -> None:
    network = _network()
    with torch.no_grad():
        network.leave.bias[1] = 1.0  # pyright: ignore[reportOptionalSubscript]
    past = Past(
        maps=torch.rand(2, K, 8, 16),
        flow=torch.zeros(2, 8, 16),
        older_flows=torch.zeros(1, 2, 8, 16),
        frame_s=0.1,
        stride_s=0.3,
    )
    with torch.inference_mode():
        correction = network(scene_at(past, torch.zeros(2, 8, 16), horizon_s=0.5))
    small = bent_displacement(torch.zeros(1, 2, 8, 16), correction)
    large = bent_displacement(torch.zeros(1, 2, 16, 32), correction)
    assert torch.allclose(large[0, 0], torch.full((16, 32), 2 * small[0, 0, 0, 0].item()))


@pytest.mark.parametrize(("width", "most_gmac"), [(SMALL, 1.3), (BASE, 12.0)])
def test_a_network_costs_no_more_than_it_may(width: Width, most_gmac: float) -> None:
    from torch.utils.flop_counter import FlopCounterMode

    with torch.device("meta"):
        network = FlowGuidedNetwork(num_classes=19, num_maps=3, width=width)
        maps, flows = torch.rand(1, 3, 19, 64, 128), torch.rand(1, NUM_OPTIONS, 2, 64, 128)
        one = torch.rand(1, 1, 64, 128)
        scene = Scene(
            carried=maps,
            still=maps[:, 0],
            displacement=flows[:, 0],
            options=flows,
            otherwise=maps[:, :NUM_OPTIONS],
            doubt=one,
            velocities=one.expand(-1, 4, -1, -1),
            inside=one.expand(-1, 3, -1, -1),
            horizon_s=torch.rand(1),
            elapsed_s=torch.rand(1),
        )
        with FlopCounterMode(display=False) as counter:
            network(scene)
    assert counter.get_total_flops() / 2e9 <= most_gmac
