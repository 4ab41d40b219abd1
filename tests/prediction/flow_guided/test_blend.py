"""The blended warp: the warp where all agree, a mean where they do not, and no class favoured."""

from __future__ import annotations

import torch

from forecast.labels import CAMVID, VOC, LabelSpace
from forecast.prediction.flow_guided.blend import SHARES, Blend, flow_warp_blend
from forecast.prediction.flow_guided.network import RAMP_S, factor_of
from forecast.prediction.flow_guided.scene import Past, scene_at
from forecast.prediction.warping.flow_warp import FlowWarp
from forecast.values import Frame, History, Instant, Observation, Segmentation

H, W, STRIDE, FPS = 32, 64, 3, 15
HORIZONS_S = (3 / 15, 9 / 15)


class _Shift:
    """Everything came from one pixel to the right, a frame."""

    name = "shift"

    def __call__(self, reference: Frame, moving: Frame) -> torch.Tensor:
        flow = torch.zeros(2, *reference.size_hw)
        flow[0] = reference.size_hw[1] / W * (reference.at.index - moving.at.index)
        return flow


def _history(space: LabelSpace, *, steady: bool) -> History:
    generator = torch.Generator().manual_seed(1)
    beliefs = (3 * torch.randn(space.num_classes, H, W + 8, generator=generator)).softmax(dim=0)
    seen: list[Observation] = []
    for index in range(STRIDE + 1):
        at = Instant(clip="a", index=index, pts_s=index / FPS)
        left = index if steady else 0
        frame = Frame(at=at, rgb=torch.zeros(3, H, W, dtype=torch.uint8))
        probs = beliefs[..., left : left + W].contiguous()
        segmentation = Segmentation(at=at, space=space, size_hw=(H, W), probs=probs)
        seen.append(Observation(frame=frame, segmentation=segmentation))
    return History(
        observations=(seen[0], seen[STRIDE]),
        previous=seen[STRIDE - 1].frame,
        before=seen[STRIDE - 1].segmentation,
        stride_s=STRIDE / FPS,
        frame_s=1 / FPS,
    )


def test_it_forecasts_any_classes_and_they_stay_probabilities() -> None:
    for space in (CAMVID, VOC):
        for one in flow_warp_blend(_Shift()).predict(
            [_history(space, steady=False)], horizons_s=HORIZONS_S
        ):
            assert one.space == space
            total = one.probs.sum(dim=0)
            assert torch.allclose(total, torch.ones_like(total), atol=1e-4)


def test_it_differs_from_the_warp_the_more_the_further_it_looks() -> None:
    history = _history(CAMVID, steady=False)
    ours = flow_warp_blend(_Shift()).predict([history], horizons_s=HORIZONS_S)
    warps = FlowWarp(_Shift()).predict([history], horizons_s=HORIZONS_S)
    near, far = ((a.probs - b.probs).abs().mean() for a, b in zip(ours, warps, strict=True))
    assert 0 < near < far


def test_where_everything_stood_still_it_stays() -> None:
    probs = torch.rand(5, 8, 16).softmax(dim=0)
    past = Past(
        maps=probs.expand(2, -1, -1, -1),
        flow=torch.zeros(2, 8, 16),
        older_flows=torch.zeros(1, 2, 8, 16),
        frame_s=0.1,
        stride_s=0.3,
        before=probs,
    )
    scene = scene_at(past, torch.zeros(2, 8, 16), horizon_s=RAMP_S)
    factor = factor_of(scene, Blend()(scene))
    assert torch.allclose(factor, torch.ones_like(factor), atol=1e-5)


def test_no_class_is_favoured() -> None:
    """Classes that change places before the forecast have changed places in it."""
    history = _history(CAMVID, steady=False)
    order = torch.randperm(CAMVID.num_classes, generator=torch.Generator().manual_seed(0))

    def shuffled(one: Segmentation | None) -> Segmentation:
        assert one is not None
        assert one.probs is not None
        return Segmentation(at=one.at, space=CAMVID, size_hw=(H, W), probs=one.probs[order])

    changed = History(
        observations=tuple(
            Observation(frame=one.frame, segmentation=shuffled(one.segmentation))
            for one in history.observations
        ),
        previous=history.previous,
        before=shuffled(history.before),
        stride_s=history.stride_s,
        frame_s=history.frame_s,
    )
    plain = flow_warp_blend(_Shift()).predict([history], horizons_s=HORIZONS_S)
    mixed = flow_warp_blend(_Shift()).predict([changed], horizons_s=HORIZONS_S)
    for one, other in zip(plain, mixed, strict=True):
        assert torch.allclose(one.probs[order], other.probs, atol=1e-6)


def test_the_warp_keeps_a_share() -> None:
    assert 0 < sum(SHARES.values()) < 1
