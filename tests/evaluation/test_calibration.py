"""Likelihood and calibration reward what is sure and right, and add up."""

from __future__ import annotations

import numpy as np
import pytest

from forecast.evaluation.calibration import calibration_figures, calibration_sums
from forecast.labels import CAMVID

K = CAMVID.num_classes


def belief(seed=0, size=(8, 16)):
    rng = np.random.default_rng(seed)
    probs = rng.dirichlet(np.full(K, 3.0), size).transpose(2, 0, 1).astype(np.float32)
    target = rng.integers(0, K + 1, size).astype(np.uint8)
    return probs, target


def calibration(probs, target, space):
    return calibration_figures(calibration_sums(probs, target, space)[None])


def test_halves_add_to_the_whole():
    probs, target = belief()
    whole = calibration(probs, target, CAMVID)
    top, bottom = (
        calibration_sums(probs[:, part], target[part], CAMVID)
        for part in (slice(3), slice(3, None))
    )
    assert calibration_figures(np.stack([top, bottom])) == pytest.approx(whole)


def test_likelihood_is_that_of_the_true_class_where_it_counts():
    probs, target = belief()
    slow = [
        -np.log(probs[target[y, x], y, x] / probs[:, y, x].sum())
        for y in range(8)
        for x in range(16)
        if target[y, x] != CAMVID.void_id
    ]
    assert calibration(probs, target, CAMVID)["nll"] == pytest.approx(np.mean(slow), rel=1e-4)


def test_sure_and_right_is_perfect_and_sure_and_wrong_is_finite():
    target = np.zeros((4, 4), np.uint8)
    right = np.zeros((K, 4, 4), np.float32)
    right[0] = 1
    sums = calibration(right, target, CAMVID)
    assert sums == pytest.approx({"nll": 0, "ece": 0}, abs=1e-4)
    wrong = calibration(np.roll(right, 1, axis=0), target, CAMVID)
    assert wrong["nll"] == pytest.approx(13.8, abs=0.1)
    assert wrong["ece"] == pytest.approx(1, abs=1e-4)


def test_a_calibrated_guess_has_little_error():
    rng = np.random.default_rng(0)
    probs = rng.dirichlet(np.ones(K), 20_000).T.astype(np.float32)
    drawn = (probs.cumsum(axis=0) < rng.random(20_000)).sum(axis=0).clip(0, K - 1)
    sums = calibration(probs[:, None], drawn[None].astype(np.uint8), CAMVID)
    assert sums["ece"] < 0.02


def test_raw_outputs_count_as_the_probabilities_they_are_nearest_to():
    probs, target = belief()
    raw = probs * 3
    raw[:, 0] -= 5
    mended = np.maximum(raw, 1e-6)
    wanted = calibration(mended / mended.sum(axis=0), target, CAMVID)
    assert calibration(raw, target, CAMVID) == pytest.approx(wanted, rel=1e-4)


def test_all_void_is_undefined():
    probs, target = belief()
    empty = calibration(probs, np.full_like(target, CAMVID.void_id), CAMVID)
    assert set(empty) == {"nll", "ece"}
    assert np.isnan(list(empty.values())).all()


def test_a_class_too_few_is_refused():
    probs, target = belief()
    with pytest.raises(ValueError, match="zip"):
        calibration(probs[:-1], target, CAMVID)
