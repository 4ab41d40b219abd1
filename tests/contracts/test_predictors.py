"""What every Predictor promises; a new one joins by one line in PREDICTORS."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import replace

import pytest
import torch

from forecast.device import Placement, place
from forecast.flow.cache import CachedFlow
from forecast.flow.dis import DisFlow
from forecast.labels import CAMVID
from forecast.prediction.copy_last import CopyLast
from forecast.prediction.flow_guided.blend import flow_warp_blend
from forecast.prediction.flow_guided.network import FlowGuidedNetwork, Width
from forecast.prediction.flow_guided.predictor import FlowGuided
from forecast.prediction.flow_guided.rollout import FlowRollout
from forecast.prediction.one_step.conv_lstm import ConvLSTMNetwork
from forecast.prediction.one_step.rollout import Rollout
from forecast.prediction.one_step.s2s import S2S, S2SNetwork
from forecast.prediction.one_step.x2x import X2X
from forecast.prediction.warping.flow_warp import FlowWarp
from forecast.prediction.warping.flow_warp_splat import FlowWarpSplat
from forecast.prediction.warping.frames_then_segment import FramesThenSegment
from forecast.stages import Predictor
from forecast.values import Forecast, Frame, History, Instant, Observation, Segmentation

H, W = 32, 64
FRAME_S = 1 / 17
HORIZONS_S = (9 / 17, 1 / 17, 3 / 17)


class _Colours:
    """Segments by colour, so that a picture decides its classes."""

    name = "colours"
    space = CAMVID
    fingerprint = "colours"

    def __init__(self, placement: Placement) -> None:
        self._device = placement.device

    def __call__(self, frames: Sequence[Frame]) -> list[Segmentation]:
        return [_seen(frame, self._device) for frame in frames]


def _seen(frame: Frame, device: torch.device | None = None) -> Segmentation:
    rgb = frame.rgb.to(device or frame.rgb.device).float()
    centres = torch.linspace(0, 255, CAMVID.num_classes)[:, None, None].to(rgb.device)
    distance = (rgb.mean(dim=0) - centres).abs()
    probs = (-distance / 20).softmax(dim=0)
    return Segmentation(at=frame.at, space=CAMVID, size_hw=(H, W), probs=probs)


def _rolled_out(
    name: str, network: S2SNetwork | ConvLSTMNetwork, placement: Placement
) -> Predictor:
    return Rollout(S2S(network, placement=placement, space=CAMVID, name=name, grid_hw=(16, 32)))


def _s2s(placement: Placement, name: str = "s2s", dilation: int = 1) -> Predictor:
    torch.manual_seed(0)
    network = S2SNetwork(num_classes=CAMVID.num_classes, width=0.0625, dilation=dilation)
    return _rolled_out(name, network, placement)


def _conv_lstm(placement: Placement) -> Predictor:
    torch.manual_seed(0)
    network = ConvLSTMNetwork(num_classes=CAMVID.num_classes, channels=4)
    torch.nn.init.normal_(network.leave.weight, std=0.1)
    return _rolled_out("conv-lstm", network, placement)


def _x2x(placement: Placement) -> Predictor:
    torch.manual_seed(0)
    network = S2SNetwork(num_classes=3, width=0.0625)
    return X2X(network, _Colours(placement), placement=placement, grid_hw=(16, 32))


def _flow_guided(placement: Placement) -> FlowGuided:
    torch.manual_seed(0)
    width = Width(embedding=2, levels=(4, 4, 4), depth=1)
    network = FlowGuidedNetwork(num_classes=CAMVID.num_classes, num_maps=3, width=width).eval()
    torch.nn.init.normal_(network.leave.weight, std=0.1)
    return FlowGuided(
        network, CachedFlow(DisFlow()), placement=placement, space=CAMVID, grid_hw=(16, 32)
    )


CPU = place("cpu", "float32")
PREDICTORS: dict[str, Callable[[Placement], Predictor]] = {
    "copy-last": lambda _: CopyLast(),
    "flow-warp": lambda _: FlowWarp(CachedFlow(DisFlow())),
    "flow-warp-splat": lambda _: FlowWarpSplat(DisFlow()),
    "frames-then-segment": lambda placement: FramesThenSegment(DisFlow(), _Colours(placement)),
    "s2s": _s2s,
    "s2s-dil": lambda placement: _s2s(placement, "s2s-dil", dilation=2),
    "conv-lstm": _conv_lstm,
    "x2x": _x2x,
    "flow-warp-blend": lambda placement: flow_warp_blend(
        CachedFlow(DisFlow()), placement=placement
    ),
    "flow-guided": _flow_guided,
    "flow-rollout": lambda placement: FlowRollout(_flow_guided(placement)),
}


@pytest.fixture(params=PREDICTORS)
def predictor(request: pytest.FixtureRequest) -> Predictor:
    return PREDICTORS[request.param](CPU)


def _frame(clip: str, index: int) -> Frame:
    seed = sum(clip.encode())
    scene = torch.rand(3, 12, 44, generator=torch.Generator().manual_seed(seed)) * 255
    scene = torch.nn.functional.interpolate(scene[None], scale_factor=4.0, mode="bilinear")[0]
    at = Instant(clip=clip, index=index, pts_s=index * FRAME_S)
    return Frame(at=at, rgb=scene[:, :H, 2 * index : 2 * index + W].byte())


def _history(
    clip: str = "a", *, origin: int = 12, previous: bool = True, true_ids: bool = False
) -> History:
    observations: list[Observation] = []
    for index in range(origin - 9, origin + 1, 3):
        frame = _frame(clip, index)
        seen = _seen(frame)
        if true_ids:
            assert seen.probs is not None
            ids = seen.probs.argmax(dim=0).byte()
            seen = Segmentation(at=frame.at, space=CAMVID, size_hw=(H, W), ids=ids)
        observations.append(Observation(frame=frame, segmentation=seen))
    return History(
        observations=tuple(observations),
        previous=_frame(clip, origin - 1) if previous else None,
        stride_s=3 * FRAME_S,
        frame_s=FRAME_S,
    )


def _by_key(forecasts: Sequence[Forecast]) -> dict[tuple[str, int, float], Forecast]:
    found = {(one.origin.clip, one.origin.index, one.horizon_s): one for one in forecasts}
    assert len(found) == len(forecasts)
    return found


def _predict(
    predictor: Predictor, histories: Sequence[History], horizons_s: Sequence[float] = HORIZONS_S
) -> dict[tuple[str, int, float], Forecast]:
    return _by_key(list(predictor.predict(histories, horizons_s=horizons_s)))


def test_it_is_a_predictor(predictor: Predictor) -> None:
    assert isinstance(predictor, Predictor)
    assert predictor.name
    assert predictor.needs.num_observations >= 1
    assert predictor.space is None or predictor.space == CAMVID


@pytest.mark.parametrize("previous", [True, False])
@pytest.mark.parametrize("true_ids", [True, False])
def test_forecasts_are_probabilities(
    predictor: Predictor, *, previous: bool, true_ids: bool
) -> None:
    found = _predict(predictor, [_history(previous=previous, true_ids=true_ids)])
    assert found
    for one in found.values():
        assert one.probs.dtype == torch.float32
        assert one.probs.shape[0] == CAMVID.num_classes
        assert one.probs.min() >= 0
        assert torch.allclose(one.probs.sum(dim=0), torch.ones(one.probs.shape[1:]), atol=1e-4)


def test_each_names_its_origin_its_horizon_and_what_is_served(predictor: Predictor) -> None:
    history = _history()
    asked = (0.17, 0.5)
    for one in _predict(predictor, [history], asked).values():
        assert one.origin == history.origin
        assert one.horizon_s in asked
        assert one.served_s == history.served_s(one.horizon_s)
        assert one.space == CAMVID


def test_multiples_of_the_stride_are_always_served(predictor: Predictor) -> None:
    served = {key[2] for key in _predict(predictor, [_history()])}
    assert {3 / 17, 9 / 17} <= served


def test_a_horizon_between_strides_is_right_or_left_out(predictor: Predictor) -> None:
    for one in predictor.predict([_history()], horizons_s=[4 / 17]):
        assert one.served_s == pytest.approx(4 / 17)


def test_a_batch_equals_one_by_one(predictor: Predictor) -> None:
    histories = [_history("a"), _history("b"), _history("a", origin=13)]
    together = _predict(predictor, histories)
    apart: dict[tuple[str, int, float], Forecast] = {}
    for history in histories:
        apart |= _predict(predictor, [history])
    assert together.keys() == apart.keys()
    for key, one in together.items():
        assert torch.allclose(one.probs, apart[key].probs, atol=1e-5)


def test_a_horizon_does_not_depend_on_the_others_asked(predictor: Predictor) -> None:
    every = _predict(predictor, [_history()])
    for key, one in every.items():
        alone = _predict(predictor, [_history()], [key[2]])
        assert torch.allclose(alone[key].probs, one.probs, atol=1e-5)


def test_it_is_deterministic(predictor: Predictor) -> None:
    first, second = _predict(predictor, [_history()]), _predict(predictor, [_history()])
    for key, one in first.items():
        assert torch.equal(second[key].probs, one.probs)


def test_no_input_is_changed_and_no_forecast_shares_its_memory(predictor: Predictor) -> None:
    history, untouched = _history(), _history()
    for one in predictor.predict([history], horizons_s=HORIZONS_S):
        one.probs.zero_()
    for given, kept in zip(history.observations, untouched.observations, strict=True):
        assert torch.equal(given.frame.rgb, kept.frame.rgb)
        assert given.segmentation.probs is not None
        assert kept.segmentation.probs is not None
        assert torch.equal(given.segmentation.probs, kept.segmentation.probs)
    again = _predict(predictor, [history])
    for key, one in _predict(predictor, [untouched]).items():
        assert torch.equal(again[key].probs, one.probs)


def test_no_history_is_no_forecast(predictor: Predictor) -> None:
    assert list(predictor.predict([], horizons_s=HORIZONS_S)) == []


def test_the_fingerprint_is_the_same_each_time(predictor: Predictor) -> None:
    assert len(predictor.fingerprint) == 64
    assert predictor.fingerprint == predictor.fingerprint


def test_fingerprints_differ_between_predictors() -> None:
    prints = {build(CPU).fingerprint for build in PREDICTORS.values()}
    assert len(prints) == len(PREDICTORS)


def _seen_on(device: torch.device) -> History:
    """Pictures in memory, as they are decoded, and what a network on the device saw in them."""
    history = _history()
    assert history.previous is not None
    seen: list[Observation] = []
    for one in history.observations:
        assert one.segmentation.probs is not None
        probs = one.segmentation.probs.to(device)
        seen.append(replace(one, segmentation=replace(one.segmentation, probs=probs)))
    before = _seen(history.previous, device)
    return replace(history, observations=tuple(seen), before=before)


@pytest.mark.parametrize("name", PREDICTORS)
def test_a_forecast_lies_where_its_segmentation_lay(name: str, pretended_cuda: Placement) -> None:
    predictor = PREDICTORS[name](pretended_cuda)
    history = _seen_on(pretended_cuda.device)
    forecasts = list(predictor.predict([history], horizons_s=HORIZONS_S))
    assert forecasts
    for one in forecasts:
        assert one.probs.device == pretended_cuda.device
        assert one.probs.dtype == torch.float32
