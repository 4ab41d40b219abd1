from __future__ import annotations

import pytest
import torch

from forecast.geometry.warp import followed, warp_ids
from forecast.prediction.warping.flow_warp_splat import splatted

H, W = 16, 48
ROAD, FAR, NEAR = 0, 1, 2


def _scene() -> tuple[torch.Tensor, torch.Tensor]:
    """A near thing that moves right by 4 a step, and a far one in its way that moves left by 1."""
    ids, flow = torch.full((H, W), ROAD, dtype=torch.uint8), torch.zeros(2, H, W)
    ids[4:8, 20:24], flow[0, 4:8, 20:24] = FAR, 1.0
    ids[4:8, 8:12], flow[0, 4:8, 8:12] = NEAR, -4.0
    return ids, flow


def test_zero_flow_moves_nothing() -> None:
    (found,) = splatted(torch.zeros(2, H, W), [7.0])
    assert torch.equal(found, torch.zeros(2, H, W))


def test_the_nearest_object_is_on_top() -> None:
    ids, flow = _scene()
    (found,) = splatted(flow, [2.0])
    carried = warp_ids(ids, found)
    # After two steps the near thing lies on 16 to 19, the far one on 18 to 21: two are covered.
    assert carried[5, 16:22].tolist() == [NEAR] * 4 + [FAR] * 2


def test_holes_are_filled_as_the_trajectories_fill_them() -> None:
    _, flow = _scene()
    (found,), (behind,) = splatted(flow, [2.0]), followed(flow, [2.0])
    assert torch.equal(found[:, 4:8, 8:12], behind[:, 4:8, 8:12])


@pytest.mark.parametrize("shift", [(3.0, -2.0), (0.5, 0.25)])
def test_in_a_uniform_field_it_is_the_plain_displacement(shift: tuple[float, float]) -> None:
    flow = torch.tensor(shift)[:, None, None].expand(2, H, W).contiguous()
    for steps, found in zip([1.0, 2.5], splatted(flow, [1.0, 2.5]), strict=True):
        assert torch.allclose(found, steps * flow, atol=1e-5)
