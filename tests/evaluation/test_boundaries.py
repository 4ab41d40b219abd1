"""Bands follow outlines; what came into view is what the origin hid."""

from __future__ import annotations

import numpy as np

from forecast.evaluation.boundaries import band_px, came_into_view, near_boundary
from forecast.labels import CITYSCAPES


def halves():
    ids = np.zeros((32, 64), np.uint8)
    ids[:, 32:] = 8
    return ids


def test_the_band_reaches_as_far_as_asked_on_both_sides():
    for width in (1, 2, 5):
        band = near_boundary(halves(), CITYSCAPES, width_px=width)
        assert band[:, 32 - width : 32 + width].all()
        assert band.sum() == 32 * 2 * width


def test_one_class_has_no_outline():
    assert not near_boundary(np.zeros((32, 64), np.uint8), CITYSCAPES).any()


def test_the_edge_of_void_is_no_outline_and_void_is_never_inside():
    ids = np.zeros((32, 64), np.uint8)
    ids[:, 32:] = 255
    assert not near_boundary(ids, CITYSCAPES).any()
    ids = halves()
    ids[:8, 30:34] = 255
    assert not near_boundary(ids, CITYSCAPES, width_px=3)[ids == 255].any()


def test_the_band_grows_with_the_picture():
    assert band_px((1024, 2048)) == 17
    assert band_px((4, 4)) == 1


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
