"""Bands follow outlines, and F counts the outline that was found."""

from __future__ import annotations

import numpy as np
import pytest

from forecast.evaluation.boundaries import boundaries, boundary_f, near_boundary
from forecast.evaluation.tolerance import tolerance
from forecast.labels import CAMVID, CITYSCAPES


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
    assert not near_boundary(np.zeros((32, 64), np.uint8), CITYSCAPES, width_px=2).any()


def test_the_edge_of_void_is_no_outline_and_void_is_never_inside():
    ids = np.zeros((32, 64), np.uint8)
    ids[:, 32:] = 255
    assert not near_boundary(ids, CITYSCAPES, width_px=2).any()
    ids = halves()
    ids[:8, 30:34] = 255
    assert not near_boundary(ids, CITYSCAPES, width_px=3)[ids == 255].any()


@pytest.fixture
def boundary_f_of(compared):
    return lambda *told: _boundary_f_of(compared, *told)


def _boundary_f_of(compared, forecast, target, reach, space=CITYSCAPES):
    extra = boundary_f(tolerance(reach))
    sums = extra.sums(compared(forecast, target, space))[None]
    (value,) = extra.figures(sums).values()
    return value, extra.note(sums)


@pytest.mark.parametrize(("shift", "found"), [(0, 1), (2, 1), (3, 1), (4, 0.0)])
def test_an_outline_is_found_as_far_as_the_tolerance_reaches(shift, found, boundary_f_of):
    moved = np.roll(halves(), shift, axis=1)
    moved[:, :shift] = 0
    # Both sides draw the line: of two pixels, the nearer one is still within reach at 4.
    value, note = boundary_f_of(moved, halves(), "3px")
    assert value == found if shift < 4 else value == pytest.approx(0, abs=1e-9)
    assert "3 px, 4.19 % of the diagonal" in note


def test_f_of_small_maps_is_what_a_slow_count_says(boundary_f_of):
    rng = np.random.default_rng(0)
    forecast, target = (rng.integers(0, 3, (9, 12)).astype(np.uint8) for _ in range(2))
    target[rng.random(target.shape) < 0.1] = CAMVID.void_id
    value, _ = boundary_f_of(forecast, target, "1px", CAMVID)
    assert value == pytest.approx(slow_f(forecast, target, 1.0))


def slow_f(forecast, target, reach):
    void = target == CAMVID.void_id
    forecast = np.where(void, CAMVID.void_id, forecast)
    scores = []
    for one in range(3):
        lines = [slow_outline(ids, one) for ids in (forecast, target)]
        near = [
            sum(any(np.hypot(y - b, x - a) <= reach for b, a in other) for y, x in line)
            for line, other in (lines, lines[::-1])
        ]
        precision, recall = (hit / len(line) for hit, line in zip(near, lines, strict=True))
        scores.append(2 * precision * recall / (precision + recall))
    return np.mean(scores)


def slow_outline(ids, one):
    height, width = ids.shape
    return [
        (y, x)
        for y in range(height)
        for x in range(width)
        if ids[y, x] == one
        and any(
            0 <= b < height and 0 <= a < width and ids[b, a] not in (one, CAMVID.void_id)
            for b, a in ((y - 1, x), (y + 1, x), (y, x - 1), (y, x + 1))
        )
    ]


def test_a_missed_class_scores_nothing_and_an_absent_one_does_not_count(boundary_f_of):
    one_class = np.zeros((32, 64), np.uint8)
    assert boundary_f_of(one_class, halves(), "3px")[0] == 0
    assert np.isnan(boundary_f_of(one_class, one_class, "3px")[0])


def test_only_what_lies_near_an_outline_counts(compared):
    extra = boundaries(tolerance("2px"))
    wrong_far_off = halves()
    wrong_far_off[:, :20] = 8
    sums = extra.sums(compared(wrong_far_off, halves(), CITYSCAPES))[None]
    assert extra.figures(sums) == {"boundary_miou_2px": 1}
    wrong_near = halves()
    wrong_near[:, 31] = 8
    sums = extra.sums(compared(wrong_near, halves(), CITYSCAPES))[None]
    assert extra.figures(sums)["boundary_miou_2px"] == pytest.approx((1 / 2 + 2 / 3) / 2)
