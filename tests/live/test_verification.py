"""Forecasts checked against what was then seen."""

from __future__ import annotations

import numpy as np
import pytest

from forecast.geometry.resize import resize_labels
from forecast.labels import CITYSCAPES
from forecast.live.verification import REFERENCE, Verifier
from forecast.values import Instant

CAR, ROAD = CITYSCAPES.id_of("car"), CITYSCAPES.id_of("road")


def _at(index, *, epoch=0, period_s=0.1):
    return Instant(clip="c", index=index, pts_s=index * period_s, epoch=epoch)


def _scene(index):
    """A car of two columns that moves one column a frame over a road."""
    labels = np.full((4, 40), ROAD, np.uint8)
    labels[1:3, index : index + 2] = CAR
    return labels


def _run(verifier, indices, foresee, *, epoch=0):
    for index in indices:
        forecasts = {0.2: (0.2, foresee(index))}
        verifier.observe(_at(index, epoch=epoch), _scene(index), forecasts)
    return {one.predictor: one for one in verifier.scores()}


def test_a_perfect_forecast_scores_one_and_copying_less():
    scores = _run(Verifier("seer", CITYSCAPES), range(20), lambda i: _scene(i + 2))
    assert scores["seer"].miou == 1.0
    assert scores["seer"].num_compared == 18
    assert scores[REFERENCE].miou < 0.6
    assert scores[REFERENCE].miou_moving == 0.0


def test_copying_scores_as_its_reference():
    scores = _run(Verifier("copy", CITYSCAPES), range(20), _scene)
    assert scores["copy"].miou == scores[REFERENCE].miou


def test_nothing_is_compared_across_epochs():
    verifier = Verifier("seer", CITYSCAPES)
    _run(verifier, range(2), lambda i: _scene(i + 2))
    scores = _run(verifier, range(2, 4), lambda i: _scene(i + 2), epoch=1)
    assert scores["seer"].num_compared == 0


def test_a_moment_that_was_not_looked_at_is_not_compared():
    scores = _run(Verifier("seer", CITYSCAPES), range(0, 20, 3), lambda i: _scene(i + 2))
    assert scores["seer"].num_compared == 0


def test_old_comparisons_leave_the_window():
    verifier = Verifier("late", CITYSCAPES, window=5)
    _run(verifier, range(12), lambda i: np.full((4, 40), ROAD, np.uint8))
    scores = _run(verifier, range(12, 25), lambda i: _scene(i + 2))
    assert scores["late"].miou == 1.0
    assert scores["late"].num_compared == 5


def test_what_was_foreseen_is_handed_back_beside_what_is_seen():
    verifier = Verifier("seer", CITYSCAPES)
    verifier.observe(_at(0), _scene(0), {0.2: (0.2, _scene(2))})
    verifier.observe(_at(1), _scene(1), {})
    verified = verifier.observe(_at(2), _scene(2), {})
    own = next(one for one in verified if one.predictor == "seer")
    assert np.array_equal(own.forecast, own.seen)


@pytest.mark.parametrize("size_hw", [(4, 40), (2, 20), (8, 80)])
def test_resizing_keeps_classes_where_they_are(size_hw):
    resized = resize_labels(_scene(10), size_hw)
    assert resized.shape == size_hw
    assert abs((resized == CAR).mean() - (_scene(10) == CAR).mean()) < 1e-9
