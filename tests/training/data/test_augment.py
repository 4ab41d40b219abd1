"""A window, a size and a side: what belongs together is seen alike."""

from __future__ import annotations

import pytest
import torch

from forecast.geometry.warp import warp
from forecast.training.data.augment import View, augmented, drawn_view
from forecast.training.data.relighting import relit
from forecast.training.data.samples import Sample, Target

GRID = (16, 32)


def _view(**changes: object) -> View:
    told = {"top": 0, "left": 0, "height": 16, "width": 32, "size_hw": GRID, "mirrored": False}
    return View(**(told | changes))  # pyright: ignore[reportArgumentType]


def _generator(seed: int = 0) -> torch.Generator:
    return torch.Generator().manual_seed(seed)


def _sample() -> Sample:
    generator = _generator()
    return Sample(
        maps=torch.rand(4, 19, *GRID, generator=generator).softmax(dim=1),
        flow=torch.randn(2, *GRID, generator=generator),
        older_flows=torch.randn(3, 2, *GRID, generator=generator),
        targets=(Target(num_frames=1, ids=torch.randint(0, 19, GRID, generator=generator).byte()),),
        frame_s=0.1,
        stride_s=0.2,
        space_name="cityscapes",
    )


def test_a_mirrored_flow_carries_mirrored_maps():
    maps, flow = torch.rand(3, *GRID), 2 * torch.randn(2, *GRID)
    view = _view(mirrored=True)
    carried = warp(view.maps(maps), view.flow(flow))
    assert torch.allclose(carried, view.maps(warp(maps, flow)), atol=1e-5)
    assert not torch.allclose(view.flow(flow), flow.flip(-1))


def test_a_flow_grows_with_the_picture():
    flow = torch.stack([torch.full(GRID, 3.0), torch.full(GRID, -2.0)])
    enlarged = _view(height=8, width=16).flow(flow)
    assert torch.allclose(enlarged, 2 * flow)
    stretched = _view(height=8).flow(flow)
    assert torch.allclose(stretched, flow * torch.tensor([1.0, 2.0])[:, None, None])


@pytest.mark.parametrize("size_hw", [(8, 16), (16, 32), (32, 64), (15, 32)])
def test_labels_are_never_mixed_and_lie_where_their_maps_do(size_hw: tuple[int, int]):
    ids = torch.zeros(GRID, dtype=torch.uint8)
    ids[:, 16:] = 200
    view = _view(size_hw=size_hw, mirrored=True)
    seen = view.ids(ids)
    assert seen.dtype == torch.uint8
    assert set(seen.unique().tolist()) == {0, 200}
    assert torch.equal(view.maps((ids == 200).float()[None])[0] > 0.5, seen == 200)


def test_a_window_that_grew_in_one_direction_alone_averages_what_it_shrinks():
    maps = torch.zeros(1, *GRID)
    maps[..., ::2] = 1
    seen = _view(size_hw=(16, 16)).maps(maps)
    assert torch.allclose(seen, torch.full_like(seen, 0.5))


def test_probabilities_stay_probabilities_through_every_view():
    for seed in range(20):
        seen = augmented(_sample(), (8, 16), _generator(seed))
        assert seen.maps.shape == (4, 19, 8, 16)
        assert seen.older_flows.shape == (3, 2, 8, 16)
        assert seen.targets[0].ids.shape == (8, 16)
        assert torch.allclose(seen.maps.sum(dim=1), torch.ones(4, 8, 16), atol=1e-5)


def test_kornia_draws_nothing_of_its_own():
    torch.manual_seed(1)
    first = augmented(_sample(), (8, 16), _generator(7)), relit(torch.ones(3, 8, 8), _generator(7))
    state = torch.random.get_rng_state()
    torch.manual_seed(2)
    again = augmented(_sample(), (8, 16), _generator(7)), relit(torch.ones(3, 8, 8), _generator(7))
    assert torch.equal(first[0].maps, again[0].maps)
    assert torch.equal(first[0].flow, again[0].flow)
    assert torch.equal(first[1], again[1])
    torch.manual_seed(1)
    assert torch.equal(state, torch.random.get_rng_state())


def test_views_differ_and_lie_within_the_grid():
    views = [drawn_view(GRID, (8, 16), _generator(seed)) for seed in range(40)]
    assert {view.mirrored for view in views} == {True, False}
    assert len({view.height for view in views}) > 3
    for view in views:
        assert 0 <= view.top <= GRID[0] - view.height
        assert 0 <= view.left <= GRID[1] - view.width


def test_light_changes_and_stays_within_the_range_of_a_picture():
    rgb = torch.rand(3, 16, 32, generator=_generator(1))
    for seed in range(30):
        seen = relit(rgb, _generator(seed))
        assert seen.shape == rgb.shape
        assert seen.isfinite().all()
        assert seen.min() > -0.3
        assert seen.max() < 1.3
    assert not torch.equal(relit(rgb, _generator(0)), rgb)
