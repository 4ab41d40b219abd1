"""Accuracies by hand, and pictures that count alike."""

from __future__ import annotations

import numpy as np
import pytest

from forecast.evaluation.accuracy import accuracy, per_image
from forecast.labels import CAMVID

VOID = CAMVID.void_id


@pytest.fixture
def figures(compared):
    return lambda extra, *pairs: _figures(compared, extra, pairs)


def _figures(compared, extra, pairs):
    sums = [
        extra.sums(compared(np.uint8(forecast), np.uint8(target), CAMVID))
        for forecast, target in pairs
    ]
    return extra.figures(np.stack(sums))


def test_accuracies_leave_void_out_and_pool_before_they_divide(figures):
    found = figures(
        accuracy(), ([[0, 0, 1, 1]], [[0, 0, 0, VOID]]), ([[1, 2, 2, 2]], [[1, 1, 1, VOID]])
    )
    # Class 0: two of three; class 1: one of three; class 2 is nowhere in the target.
    assert found["pixel_accuracy"] == pytest.approx(3 / 6)
    assert found["class_accuracy"] == pytest.approx((2 / 3 + 1 / 3) / 2)


def test_pictures_count_alike_whatever_they_hold_and_one_of_void_does_not_count(figures):
    right = [[0, 0, 0, 0]]
    half = [[0, 1, 1, 1]]
    found = figures(per_image(), (right, right), (half, [[0, 0, 1, 1]]), (half, [[VOID] * 4]))
    assert found["image_miou"] == pytest.approx((1 + (1 / 2 + 2 / 3) / 2) / 2)


def test_nothing_but_void_is_undefined(figures):
    for extra in (accuracy(), per_image()):
        assert np.isnan(list(figures(extra, ([[0]], [[VOID]])).values())).all()
