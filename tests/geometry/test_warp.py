from __future__ import annotations

import importlib.util
from pathlib import Path

import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st

from forecast.geometry.warp import followed, splat_sources, warp, warp_ids, warp_rgb

_PATH = Path(__file__).parents[1] / "reference" / "slow_warp.py"
_SPEC = importlib.util.spec_from_file_location("slow_warp", _PATH)
assert _SPEC is not None
assert _SPEC.loader is not None
slow = importlib.util.module_from_spec(_SPEC)
_SPEC.loader.exec_module(slow)

H, W, K = 12, 17, 3


def _probs(seed: int = 0) -> torch.Tensor:
    return torch.rand(K, H, W, generator=torch.Generator().manual_seed(seed)).softmax(dim=0)


def _flow(seed: int = 1, reach: float = 6.0) -> torch.Tensor:
    return reach * torch.randn(2, H, W, generator=torch.Generator().manual_seed(seed))


def _whole(dx: int, dy: int) -> torch.Tensor:
    return torch.tensor([dx, dy]).float()[:, None, None].expand(2, H, W).contiguous()


def test_zero_flow_moves_nothing() -> None:
    still = torch.zeros(2, H, W)
    ids = _probs().argmax(dim=0).byte()
    assert torch.equal(warp(_probs(), still), _probs())
    assert torch.equal(warp_ids(ids, still), ids)
    assert torch.equal(next(followed(still, [5.0])), still)


@given(dx=st.integers(-4, 4), dy=st.integers(-4, 4))
@settings(max_examples=30, deadline=None)
def test_a_whole_pixel_flow_is_a_roll_away_from_borders(dx: int, dy: int) -> None:
    rolled = _probs().roll((-dy, -dx), dims=(1, 2))
    inner = (slice(4, H - 4), slice(4, W - 4))
    assert torch.allclose(warp(_probs(), _whole(dx, dy))[:, *inner], rolled[:, *inner], atol=1e-6)
    ids = _probs().argmax(dim=0).byte()
    expected = ids.roll((-dy, -dx), dims=(0, 1))
    assert torch.equal(warp_ids(ids, _whole(dx, dy))[inner], expected[inner])


def test_outside_repeats_the_border() -> None:
    pushed = warp(_probs(), _whole(100, 0))
    assert torch.allclose(pushed, _probs()[:, :, -1:].expand(K, H, W))


@given(seed=st.integers(0, 1000))
@settings(max_examples=20, deadline=None)
def test_probabilities_stay_probabilities(seed: int) -> None:
    carried = warp(_probs(seed), _flow(seed))
    assert carried.min() >= 0
    assert torch.allclose(carried.sum(dim=0), torch.ones(H, W), atol=1e-5)


@pytest.mark.parametrize("seed", range(3))
def test_it_agrees_with_the_slow_version(seed: int) -> None:
    probs, flow = _probs(seed), _flow(seed + 10)
    expected = torch.from_numpy(slow.slow_warp(probs.numpy(), flow.numpy()))
    assert torch.allclose(warp(probs, flow), expected, atol=1e-5)
    ids = probs.argmax(dim=0).byte()
    assert torch.equal(
        warp_ids(ids, flow), torch.from_numpy(slow.slow_warp_ids(ids.numpy(), flow.numpy()))
    )


def test_with_a_gradient_it_gives_the_same_values() -> None:
    probs, flow = _probs().requires_grad_(), _flow()
    carried = warp(probs, flow)
    assert torch.allclose(carried.detach(), warp(_probs(), flow), atol=1e-4)
    carried.square().sum().backward()
    assert probs.grad is not None
    assert probs.grad.abs().sum() > 0


def test_ids_of_sixteen_bits_are_carried() -> None:
    ids = torch.arange(H * W, dtype=torch.int32).reshape(H, W).to(torch.uint16)
    carried = warp_ids(ids, _whole(1, 0))
    assert carried.dtype == torch.uint16
    assert int(carried[0, 0]) == 1


def test_pictures_are_carried_in_whole_levels() -> None:
    rgb = torch.randint(0, 256, (3, H, W), dtype=torch.uint8)
    assert torch.equal(warp_rgb(rgb, torch.zeros(2, H, W)), rgb)


def test_following_agrees_with_the_slow_version_and_reads_the_field_on_the_way() -> None:
    flow = _flow(reach=1.0)
    one, three = followed(flow, [1.0, 3.0])
    assert torch.allclose(one, flow, atol=1e-6)
    expected = torch.from_numpy(slow.slow_followed(flow.numpy(), 3))
    assert torch.allclose(three, expected, atol=1e-4)
    assert not torch.allclose(three, 3 * flow, atol=0.1)


def test_in_a_uniform_field_half_a_step_is_half_the_way() -> None:
    half, most = followed(_whole(2, -4), [0.5, 2.5])
    assert torch.allclose(half, _whole(1, -2))
    assert torch.allclose(most, _whole(5, -10))


@pytest.mark.parametrize("seed", range(3))
def test_splatting_agrees_with_the_slow_version(seed: int) -> None:
    displacement = _flow(seed, reach=2.0)
    nearness = torch.randperm(H * W).reshape(H, W).float()
    expected = slow.slow_splat_sources(displacement.numpy(), nearness.numpy())
    assert torch.equal(splat_sources(displacement, nearness), torch.from_numpy(expected))


def test_of_two_pixels_that_meet_the_nearer_is_seen_and_leaves_a_hole() -> None:
    displacement = torch.zeros(2, H, W)
    displacement[0, 5, 3] = 4
    nearness = torch.zeros(H, W)
    nearness[5, 3] = 1
    sources = splat_sources(displacement, nearness)
    assert int(sources[5, 7]) == 5 * W + 3
    assert int(sources[5, 3]) == -1
