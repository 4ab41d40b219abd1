"""Likelihood and calibration reward what is sure and right, and add up."""

from __future__ import annotations

import numpy as np
import pytest

from forecast.evaluation.calibration import calibration, mend
from forecast.labels import CAMVID

K = CAMVID.num_classes


def belief(seed=0, size=(8, 16)):
    rng = np.random.default_rng(seed)
    probs = rng.dirichlet(np.full(K, 3.0), size).transpose(2, 0, 1).astype(np.float32)
    target = rng.integers(0, K + 1, size).astype(np.uint8)
    return probs, target


def test_halves_add_to_the_whole():
    probs, target = belief()
    whole = calibration(probs, target, CAMVID)
    top, bottom = (
        calibration(probs[:, part], target[part], CAMVID) for part in (slice(3), slice(3, None))
    )
    both = top.plus(bottom)
    assert both.mean_nll == pytest.approx(whole.mean_nll)
    assert both.ece == pytest.approx(whole.ece)


def test_likelihood_is_that_of_the_true_class_where_it_counts():
    probs, target = belief()
    slow = [
        -np.log(probs[target[y, x], y, x] / probs[:, y, x].sum())
        for y in range(8)
        for x in range(16)
        if target[y, x] != CAMVID.void_id
    ]
    assert calibration(probs, target, CAMVID).mean_nll == pytest.approx(np.mean(slow), rel=1e-4)


def test_sure_and_right_is_perfect_and_sure_and_wrong_is_finite():
    target = np.zeros((4, 4), np.uint8)
    right = np.zeros((K, 4, 4), np.float32)
    right[0] = 1
    sums = calibration(right, target, CAMVID)
    assert sums.mean_nll == pytest.approx(0, abs=1e-4)
    assert sums.ece == pytest.approx(0, abs=1e-4)
    wrong = calibration(np.roll(right, 1, axis=0), target, CAMVID)
    assert wrong.mean_nll == pytest.approx(13.8, abs=0.1)
    assert wrong.ece == pytest.approx(1, abs=1e-4)


def test_a_calibrated_guess_has_little_error():
    rng = np.random.default_rng(0)
    probs = rng.dirichlet(np.ones(K), 20_000).T.astype(np.float32)
    drawn = (probs.cumsum(axis=0) < rng.random(20_000)).sum(axis=0).clip(0, K - 1)
    sums = calibration(probs[:, None], drawn[None].astype(np.uint8), CAMVID)
    assert sums.ece < 0.02


def test_raw_outputs_are_mended_to_probabilities():
    raw = np.array([[-0.2, 0.5], [0.9, 0.7]], np.float32)
    mended = mend(raw)
    assert (mended > 0).all()
    np.testing.assert_allclose(mended.sum(axis=0), 1, rtol=1e-6)


def test_all_void_is_undefined():
    probs, target = belief()
    empty = calibration(probs, np.full_like(target, CAMVID.void_id), CAMVID)
    assert np.isnan([empty.mean_nll, empty.ece]).all()
    assert set(empty.extras()) == {"nll", "ece"}
