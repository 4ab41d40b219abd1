"""What came into view is what the earlier picture hid."""

from __future__ import annotations

import numpy as np

from forecast.geometry.visibility import came_into_view


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
