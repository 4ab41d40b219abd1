"""Flow that data carries, and who is asked where it does not."""

from __future__ import annotations

import pytest
import torch

from forecast.errors import UsageError
from forecast.geometry.warp import warp
from forecast.synthetic.street.source import StreetSource
from forecast.training.data.true_flow import FlowByClip, KnowsFlow, TrueFlow
from forecast.values import Frame, Instant

SIZE = (64, 128)


@pytest.fixture(scope="module")
def street() -> StreetSource:
    return StreetSource(seed=3, num_frames=5, size_hw=SIZE, clip="street")


def _frame(index: int, clip: str = "street", size_hw: tuple[int, int] = SIZE) -> Frame:
    at = Instant(clip=clip, index=index, pts_s=index / 17)
    return Frame(at=at, rgb=torch.zeros(3, *size_hw, dtype=torch.uint8))


def test_a_street_knows_its_flow(street: StreetSource):
    assert isinstance(street, KnowsFlow)


def test_flow_over_several_frames_brings_their_labels_back(street: StreetSource):
    """Carried along the flow, the earlier labels are the later ones nearly everywhere."""
    flow = TrueFlow({"street": street})(_frame(4), _frame(1))
    now, then = (street.label_map(index).ids for index in (4, 1))
    carried = torch.stack([warp((then == one).float()[None], flow)[0] for one in range(19)])
    still = torch.stack([(then == one).float() for one in range(19)])
    agree = (carried.argmax(dim=0) == now).float().mean()
    assert agree > 0.93
    assert agree > (still.argmax(dim=0) == now).float().mean() + 0.02


def test_flow_over_two_frames_is_flow_over_one_twice(street: StreetSource):
    once = street.flow(3)
    twice = once + warp(street.flow(2), once)
    visible = street.visible(3)
    difference = (street.flow(3, lag=2) - twice).abs().amax(dim=0)[visible]
    assert difference.median() < 0.1


def test_flow_is_in_pixels_of_the_frames_that_ask(street: StreetSource):
    flow = TrueFlow({"street": street})
    small = flow(_frame(3, size_hw=(32, 64)), _frame(2, size_hw=(32, 64)))
    assert small.shape == (2, 32, 64)
    whole = flow(_frame(3), _frame(2))
    pooled = torch.nn.functional.avg_pool2d(whole[None], 2)[0]
    assert torch.allclose(small, pooled / 2, atol=1e-4)


def test_no_flow_is_longer_than_the_picture_and_none_overflows_half_precision():
    class _Behind:
        def flow(self, index: int, *, lag: int = 1) -> torch.Tensor:
            return torch.full((2, *SIZE), -1e6)

    assert TrueFlow({"street": _Behind()})(_frame(1), _frame(0)).min() == -128


def test_flow_from_before_the_first_frame_is_refused(street: StreetSource):
    with pytest.raises(UsageError, match="no frame 3 before frame 2"):
        street.flow(2, lag=3)


def test_each_clip_asks_its_own_estimator():
    class _Constant:
        def __init__(self, name: str, value: float) -> None:
            self.name, self._value = name, value

        def __call__(self, reference: Frame, moving: Frame) -> torch.Tensor:
            return torch.full((2, *reference.size_hw), self._value)

    flow = FlowByClip({"street": _Constant("exact", 1.0)}, _Constant("dis", 2.0))
    assert flow.name == "dis+exact"
    assert flow(_frame(1), _frame(0)).mean() == 1
    assert flow(_frame(1, "road"), _frame(0, "road")).mean() == 2
