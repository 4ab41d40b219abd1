"""Intervals cover what they promise, and pair what they compare."""

from __future__ import annotations

import numpy as np
import pytest

from forecast.confusion import mean_iou
from forecast.evaluation.significance import (
    Origin,
    block_length,
    cluster_weights,
    interval,
    moving_block_weights,
    resampled_miou,
    resampled_skill,
    resampling,
    skill,
)


def counts(seed, num=40, classes=4):
    rng = np.random.default_rng(seed)
    noise = rng.integers(0, 40, (num, classes, classes))
    return noise + np.eye(classes, dtype=np.int64) * 100


def origins(num, clip="a", spacing=1):
    return [Origin(clip=clip, index=9 + one * spacing) for one in range(num)]


def test_every_resample_draws_as_many_origins_as_there_are():
    weights = moving_block_weights(36, 15, rng=np.random.default_rng(0), num_resamples=200)
    assert (weights.sum(axis=1) == 36).all()


def test_blocks_keep_neighbours_together():
    weights = moving_block_weights(60, 15, rng=np.random.default_rng(0), num_resamples=1000)
    alike = (weights[:, 30] == weights[:, 31]).mean()
    apart = (weights[:, 30] == weights[:, 55]).mean()
    assert alike > 0.8 > apart


def test_a_block_lasts_at_least_a_second_of_origins():
    assert block_length(range(9, 45), 15.0) == 15
    assert block_length(range(0, 90, 3), 15.0) == 5
    assert block_length(range(0, 90, 7), 15.0) == 3
    assert block_length([4], 15.0) == 1


def test_a_drawn_drive_brings_all_its_origins():
    drives = ["x", "y", "x", "z", "y"]
    weights = cluster_weights(drives, rng=np.random.default_rng(0), num_resamples=100)
    assert np.array_equal(weights[:, 0], weights[:, 2])
    assert np.array_equal(weights[:, 1], weights[:, 4])
    assert (weights[:, [0, 1, 3]].sum(axis=1) == 3).all()


def test_weights_of_one_give_the_pooled_score():
    sums = counts(0)
    assert resampled_miou(np.ones((1, 40)), sums)[0] == pytest.approx(mean_iou(sums.sum(axis=0)))


def test_resampling_equals_pooling_the_drawn_origins():
    sums = counts(1)
    weights = moving_block_weights(40, 5, rng=np.random.default_rng(3), num_resamples=4)
    slow = [mean_iou(np.repeat(sums, row.astype(int), axis=0).sum(axis=0)) for row in weights]
    np.testing.assert_allclose(resampled_miou(weights, sums), slow)


def test_the_interval_covers_the_truth_about_nineteen_times_in_twenty():
    rng = np.random.default_rng(0)
    truth = mean_iou(np.array([[900, 100], [100, 900]]))
    covered = 0
    for seed in range(200):
        rates = rng.normal(100, 20, 120)
        sums = np.array([[[1000 - e, e], [e, 1000 - e]] for e in rates]).astype(np.int64)
        drawn = resampling(
            origins(120), fps_by_clip={"a": 4.0}, drive_by_clip={}, seed=seed, num_resamples=200
        )
        found = interval(resampled_miou(drawn.weights, sums))
        covered += found.low <= truth <= found.high
    assert 175 <= covered <= 199


def test_one_clip_speaks_for_itself_only():
    drawn = resampling(origins(36), fps_by_clip={"a": 15.0}, drive_by_clip={})
    assert drawn.note == "this sequence only"
    assert drawn.weights.shape == (1000, 36)


def test_a_clip_shorter_than_two_blocks_has_no_interval():
    drawn = resampling(origins(29), fps_by_clip={"a": 15.0}, drive_by_clip={})
    assert drawn.weights is None
    assert "too short" in drawn.note


def test_eight_drives_are_clusters_and_seven_are_not():
    clips = [one for name in "abcdefgh" for one in origins(2, clip=name)]
    drawn = resampling(clips, fps_by_clip={}, drive_by_clip={})
    assert drawn.note == "across 8 drives"
    fewer = resampling(clips, fps_by_clip={}, drive_by_clip={"a": "b"})
    assert fewer.weights is None
    assert "7 drives are too few" in fewer.note


def test_the_same_seed_draws_the_same():
    asked = {"fps_by_clip": {"a": 5.0}, "drive_by_clip": {}}
    first = resampling(origins(36), seed=4, **asked).weights
    assert np.array_equal(first, resampling(origins(36), seed=4, **asked).weights)
    assert not np.array_equal(first, resampling(origins(36), seed=5, **asked).weights)


def test_pairing_narrows_a_difference():
    hard = np.linspace(0, 300, 40).astype(np.int64)
    model = np.array([[[1000, e], [e, 1000]] for e in hard])
    rival = np.array([[[1000, e + 30], [e + 30, 1000]] for e in hard])
    drawn = resampling(origins(40), fps_by_clip={"a": 4.0}, drive_by_clip={})
    ours, theirs = (resampled_miou(drawn.weights, sums) for sums in (model, rival))
    paired, single = interval(ours - theirs), interval(ours)
    assert paired.low > 0
    assert paired.high - paired.low < 0.3 * (single.high - single.low)


def test_skill_runs_from_copy_to_ceiling():
    assert skill(0.4, 0.4, 0.8) == 0
    assert skill(0.8, 0.4, 0.8) == 1
    assert skill(0.5, 0.8, 0.8) is None
    drawn = resampled_skill(np.array([0.6, 0.6]), np.array([0.4, 0.8]), np.array([0.8, 0.8]))
    assert drawn[0] == pytest.approx(0.5)
    assert np.isnan(drawn[1])


def test_an_interval_over_mostly_undefined_values_is_none():
    assert interval(np.array([np.nan, np.nan, 1.0])) is None
    assert interval(None) is None
