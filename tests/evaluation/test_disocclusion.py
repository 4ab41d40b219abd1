"""What came into view is what the origin hid."""

from __future__ import annotations

import numpy as np
import pytest
import torch

from forecast.evaluation.disocclusion import came_into_view, disocclusion
from forecast.labels import CITYSCAPES


def test_nothing_comes_into_view_when_nothing_moves():
    still = np.zeros((2, 32, 64), np.float32)
    assert not came_into_view(still, still).any()


def test_what_enters_over_the_edge_came_into_view():
    backward = np.zeros((2, 32, 64), np.float32)
    backward[0] = 5
    seen = ~came_into_view(backward, -backward)
    assert seen[:, :59].all()
    assert not seen[:, 59:].any()


def test_what_an_object_uncovers_came_into_view():
    backward = np.zeros((2, 32, 64), np.float32)
    forward = np.zeros((2, 32, 64), np.float32)
    forward[0, 8:24, 10:20] = 10
    backward[0, 8:24, 20:30] = -10
    hidden = came_into_view(backward, forward)
    assert hidden[8:24, 10:20].all()
    assert hidden.sum() == 16 * 10


class Sideways:
    """Everything moves five pixels to the left from the origin to the target."""

    name = "sideways"

    def __call__(self, reference, moving):
        flow = torch.zeros(2, *reference.size_hw)
        flow[0] = 5.0 * (reference.at.index - moving.at.index) / 3
        return flow


def test_only_what_came_into_view_is_scored(compared, frame):
    target = np.zeros((32, 64), np.uint8)
    target[:, 59:] = 8
    forecast = np.zeros((32, 64), np.uint8)
    forecast[:, 61:] = 8
    forecast[:, :30] = 4
    extra = disocclusion(Sideways())
    sums = extra.sums(compared(forecast, target, CITYSCAPES, origin=frame(0, (32, 64))))[None]
    # Two of five columns are called 0, which the target has nowhere in view; three are right.
    assert extra.figures(sums)["disocclusion_miou"] == pytest.approx((0 + 3 / 5) / 2)


def test_at_the_origin_itself_nothing_came_into_view(compared):
    ids = np.zeros((32, 64), np.uint8)
    extra = disocclusion(Sideways())
    sums = extra.sums(compared(ids, ids, CITYSCAPES, served_s=0.0))[None]
    assert np.isnan(extra.figures(sums)["disocclusion_miou"])
