"""Forecasts checked against what was then seen."""

from __future__ import annotations

import numpy as np
import pytest

from forecast.geometry.resize import resize_labels
from forecast.labels import CITYSCAPES
from forecast.live.fallback import Fallback
from forecast.live.verification import REFERENCE, RunningScore, Verifier
from forecast.values import Instant

CAR, ROAD = CITYSCAPES.id_of("car"), CITYSCAPES.id_of("road")


def _at(index, *, epoch=0, period_s=0.1):
    return Instant(clip="c", index=index, pts_s=index * period_s, epoch=epoch)


def _scene(index):
    """A car of two columns that moves one column a frame over a road."""
    labels = np.full((4, 40), ROAD, np.uint8)
    labels[1:3, index % 38 : index % 38 + 2] = CAR
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


def test_a_pace_that_meets_no_moment_is_said_and_one_that_meets_them_again_too():
    verifier = Verifier("seer", CITYSCAPES)
    assert _run(verifier, range(20), lambda i: _scene(i + 2))["seer"].checked
    frozen = _run(verifier, range(20, 80, 3), lambda i: _scene(i + 2))["seer"]
    assert not frozen.checked
    assert frozen.num_compared < 20
    again = _run(verifier, range(80, 100), lambda i: _scene(i + 2))
    assert again["seer"].checked
    assert again[REFERENCE].checked


def _score(predictor, miou, *, num=50):
    return RunningScore(
        predictor=predictor, horizon_s=0.5, miou=miou, miou_moving=None, num_compared=num,
        checked=True,
    )  # fmt: skip


def _fallen(fallback, own, copied, **named):
    fallback.update([_score("warp", own, **named), _score(REFERENCE, copied, **named)])
    return 0.5 in fallback.horizons_s


def test_a_forecast_that_loses_to_copying_falls_back_until_it_wins():
    fallback = Fallback()
    assert not _fallen(fallback, 0.7, 0.6)
    assert not _fallen(fallback, 0.598, 0.6), "too little to decide on"
    assert _fallen(fallback, 0.5, 0.6)
    assert _fallen(fallback, 0.598, 0.6), "not to and fro"
    assert not _fallen(fallback, 0.61, 0.6)


def test_a_few_comparisons_decide_nothing():
    assert not _fallen(Fallback(), 0.1, 0.9, num=10)
