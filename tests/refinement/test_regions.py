"""Specks: what goes, what stays, and what takes its place."""

from __future__ import annotations

import numpy as np
import torch

from forecast.geometry.resize import one_hot
from forecast.labels import CAMVID
from forecast.refinement.regions import RegionSettings, SmallRegions, small_regions
from forecast.values import Frame, Instant, Segmentation, likeliest

AT = Instant(clip="a", index=0, pts_s=0.0)


def _refined(ids: torch.Tensor, num_cells: float) -> torch.Tensor:
    size = (ids.shape[0], ids.shape[1])
    probs = 0.9 * one_hot(ids, 11) + 0.1 / 11
    segmentation = Segmentation(at=AT, space=CAMVID, size_hw=size, probs=probs)
    frame = Frame(at=AT, rgb=torch.zeros(3, *size).byte())
    refiner = SmallRegions(RegionSettings(smallest_share=num_cells / ids.numel()))
    return refiner(segmentation, frame).belief


def test_a_speck_takes_the_belief_beside_it_and_larger_regions_stay() -> None:
    ids = torch.zeros(16, 32).byte()
    ids[2:4, 3:5] = 7
    ids[8:12, 10:14] = 5
    refined = _refined(ids, 6)
    wanted = ids.clone()
    wanted[2:4, 3:5] = 0
    assert torch.equal(likeliest(refined), wanted)
    assert torch.allclose(refined.sum(0), torch.ones(16, 32), atol=1e-6)


def test_a_thin_slanting_pole_is_one_region() -> None:
    ids = torch.eye(16).byte()
    assert torch.equal(likeliest(_refined(ids, 10)), ids)


def test_no_region_of_less_than_the_area_is_left() -> None:
    rng = np.random.default_rng(0)
    ids = torch.from_numpy(rng.integers(0, 3, (8, 16), np.uint8)).repeat_interleave(2, 0)
    ids = ids.repeat_interleave(2, 1)
    ids[:8] = 1
    left = likeliest(_refined(ids, 12)).numpy()
    before = small_regions(ids.numpy(), num_cells=12.0).sum()
    assert small_regions(left, num_cells=12.0).sum() < before / 4


def test_where_all_is_specks_nothing_changes() -> None:
    ids = (torch.arange(64).reshape(8, 8) % 11).byte()
    assert torch.equal(likeliest(_refined(ids, 60)), ids)
