"""Smoothing along the flow: what stays, what is let go, what is forgotten."""

from __future__ import annotations

import pytest
import torch

from forecast.errors import UsageError
from forecast.labels import CAMVID
from forecast.refinement.temporal import Temporal, TemporalSettings
from forecast.values import Frame, Instant, Segmentation

SIZE_HW = (16, 32)
GRID_HW = (8, 16)


class Shift:
    """A flow of whole pictures: from `moving` to `reference` by so many pixels a frame."""

    name = "shift"

    def __init__(self, dx: float = 0.0, *, agrees: bool = True) -> None:
        self._dx = dx
        self._agrees = agrees

    def __call__(self, reference: Frame, moving: Frame) -> torch.Tensor:
        ahead = reference.at.index - moving.at.index
        flow = torch.zeros(2, *reference.size_hw)
        flow[0] = self._dx * (ahead if self._agrees else abs(ahead))
        return flow


def _seen(index: int, probs: torch.Tensor, *, grey: int = 0) -> tuple[Segmentation, Frame]:
    at = Instant(clip="a", index=index, pts_s=index / 10)
    frame = Frame(at=at, rgb=torch.full((3, *SIZE_HW), grey).byte())
    return Segmentation(at=at, space=CAMVID, size_hw=SIZE_HW, probs=probs), frame


def _beliefs(count: int) -> list[torch.Tensor]:
    torch.manual_seed(0)
    return [torch.randn(11, *GRID_HW).softmax(0) for _ in range(count)]


def _run(refiner: Temporal, beliefs: list[torch.Tensor]) -> list[torch.Tensor]:
    return [refiner(*_seen(index, one)).belief for index, one in enumerate(beliefs)]


def test_without_motion_it_is_the_exponential_mean() -> None:
    beliefs = _beliefs(4)
    found = _run(Temporal(Shift(), TemporalSettings(weight=0.6)), beliefs)
    smoothed = beliefs[0]
    for index, one in enumerate(beliefs[1:], 1):
        smoothed = 0.6 * smoothed + 0.4 * one
        assert torch.allclose(found[index], smoothed, atol=1e-6)


def test_the_first_frame_and_the_one_after_a_reset_are_left_alone() -> None:
    refiner, beliefs = Temporal(Shift()), _beliefs(3)
    assert torch.equal(_run(refiner, beliefs)[0], beliefs[0])
    refiner.reset()
    assert torch.equal(refiner(*_seen(3, beliefs[1])).belief, beliefs[1])


def test_the_past_moves_with_the_picture_and_not_in_from_outside() -> None:
    first, second = _beliefs(2)
    # Four pixels of the picture to the left are two cells of the maps.
    found = _run(Temporal(Shift(4.0), TemporalSettings(weight=0.5)), [first, second])[1]
    expected = 0.5 * first.roll(-2, 2) + 0.5 * second
    assert torch.allclose(found[:, :, :-2], expected[:, :, :-2], atol=1e-6)
    assert torch.equal(found[:, :, -2:], second[:, :, -2:])


def test_where_the_flow_both_ways_disagrees_the_past_does_not_count() -> None:
    beliefs = _beliefs(2)
    found = _run(Temporal(Shift(2.0, agrees=False)), beliefs)
    assert torch.equal(found[1], beliefs[1])


def test_a_gate_lets_go_of_what_changed_its_colour() -> None:
    first, second = _beliefs(2)
    refiner = Temporal(Shift(), TemporalSettings(gate_rgb=10.0))
    refiner(*_seen(0, first))
    assert torch.allclose(refiner(*_seen(1, second, grey=200)).belief, second, atol=1e-6)


def test_probabilities_stay_probabilities() -> None:
    for one in _run(Temporal(Shift(1.3), TemporalSettings(gate_rgb=15.0)), _beliefs(4)):
        assert torch.allclose(one.sum(0), torch.ones(GRID_HW), atol=1e-5)
        assert one.min() >= 0


def test_maps_of_another_size_begin_anew() -> None:
    refiner = Temporal(Shift())
    refiner(*_seen(0, _beliefs(1)[0]))
    other = torch.rand(11, 4, 8).softmax(0)
    assert torch.equal(refiner(*_seen(1, other)).belief, other)


def test_settings_and_flow_make_the_fingerprint() -> None:
    assert Temporal(Shift()).fingerprint == Temporal(Shift(), TemporalSettings()).fingerprint
    other = Temporal(Shift(), TemporalSettings(weight=0.5))
    assert Temporal(Shift()).fingerprint != other.fingerprint


def test_impossible_settings_are_refused() -> None:
    with pytest.raises(UsageError, match="weight is 1"):
        TemporalSettings(weight=1.0)
    with pytest.raises(UsageError, match="gate"):
        TemporalSettings(gate_rgb=-1.0)
