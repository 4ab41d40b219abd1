from __future__ import annotations

import pytest
import torch

from forecast.geometry.resize import (
    one_hot,
    probs_on_grid,
    resize_flow,
    resize_ids,
    resize_probs,
    resize_rgb,
)
from forecast.geometry.warp import warp
from forecast.labels import CAMVID
from forecast.values import Instant, Segmentation

SIZES = [(8, 16), (32, 64), (20, 40), (16, 64), (64, 8), (5, 7)]


@pytest.mark.parametrize("size_hw", SIZES)
def test_probabilities_stay_probabilities_at_every_size(size_hw: tuple[int, int]) -> None:
    probs = torch.randn(4, 16, 32).softmax(dim=0)
    resized = resize_probs(probs, size_hw)
    assert resized.shape == (4, *size_hw)
    assert resized.min() >= 0
    assert torch.allclose(resized.sum(dim=0), torch.ones(size_hw), atol=1e-5)


def test_the_same_size_is_the_same_tensor() -> None:
    probs, rgb = torch.rand(2, 4, 6), torch.zeros(3, 4, 6, dtype=torch.uint8)
    assert resize_probs(probs, (4, 6)) is probs
    assert resize_rgb(rgb, (4, 6)) is rgb


def test_shrinking_takes_the_mean_of_each_area() -> None:
    probs = torch.rand(2, 8, 8)
    means = probs.reshape(2, 4, 2, 4, 2).mean(dim=(2, 4))
    assert torch.allclose(resize_probs(probs, (4, 4)), means, atol=1e-6)
    rgb = torch.randint(0, 256, (3, 8, 8), dtype=torch.uint8)
    whole = rgb.float().reshape(3, 4, 2, 4, 2).mean(dim=(2, 4))
    assert (resize_rgb(rgb, (4, 4)).float() - whole).abs().max() <= 0.5


@pytest.mark.parametrize("size_hw", SIZES)
def test_a_flat_picture_stays_flat(size_hw: tuple[int, int]) -> None:
    rgb = torch.full((3, 16, 32), 77, dtype=torch.uint8)
    assert resize_rgb(rgb, size_hw).shape == (3, *size_hw)
    assert resize_rgb(rgb, size_hw).unique().tolist() == [77]


@pytest.mark.parametrize("dtype", [torch.uint8, torch.uint16])
def test_labels_are_never_mixed(dtype: torch.dtype) -> None:
    ids = torch.tensor([[0, 10], [3, 7]]).to(dtype)
    doubled = resize_ids(ids, (4, 4))
    assert doubled.dtype == dtype
    assert doubled.int().tolist() == [[0, 0, 10, 10]] * 2 + [[3, 3, 7, 7]] * 2
    assert resize_ids(doubled, (2, 2)).int().tolist() == ids.int().tolist()


def test_a_flow_is_scaled_with_its_picture() -> None:
    flow = torch.tensor([3.0, 2.0])[:, None, None].expand(2, 8, 16)
    resized = resize_flow(flow, (16, 64))
    assert torch.allclose(resized[0], torch.full((16, 64), 12.0))
    assert torch.allclose(resized[1], torch.full((16, 64), 4.0))


def test_resizing_and_warping_can_change_places() -> None:
    ramp = torch.arange(64.0).expand(1, 32, 64).contiguous()
    flow = torch.tensor([4.0, 0.0])[:, None, None].expand(2, 32, 64).contiguous()
    before = warp(resize_probs(ramp, (16, 32)), resize_flow(flow, (16, 32)))
    after = resize_probs(warp(ramp, flow), (16, 32))
    assert torch.allclose(before[:, :, 4:-4], after[:, :, 4:-4], atol=1e-4)


@pytest.mark.parametrize("dtype", [torch.uint8, torch.uint16])
def test_one_hot_is_certain_and_void_is_nothing(dtype: torch.dtype) -> None:
    ids = torch.tensor([[0, 2], [255, 1]]).to(dtype)
    hot = one_hot(ids, 3)
    assert hot.argmax(dim=0)[0].tolist() == [0, 2]
    assert hot.sum(dim=0).tolist() == [[1, 1], [0, 1]]


def test_true_ids_on_a_coarser_grid_are_shares() -> None:
    at = Instant(clip="a", index=0, pts_s=0.0)
    ids = torch.zeros(4, 4, dtype=torch.uint8)
    ids[0, 0] = 3
    seen = Segmentation(at=at, space=CAMVID, size_hw=(4, 4), ids=ids)
    shares = probs_on_grid(seen, (2, 2))
    assert shares.shape == (11, 2, 2)
    assert float(shares[3, 0, 0]) == pytest.approx(0.25)
    assert torch.allclose(shares.sum(dim=0), torch.ones(2, 2))
