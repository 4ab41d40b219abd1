"""What came into view is what the origin hid."""

from __future__ import annotations

import numpy as np
import pytest
import torch

from forecast.evaluation.disocclusion import disocclusion
from forecast.labels import CITYSCAPES


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
