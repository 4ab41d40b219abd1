"""Intervals cover what they promise, and pair what they compare."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from forecast.confusion import mean_iou
from forecast.evaluation.blocks import Blocks, Origin, independent_blocks
from forecast.evaluation.significance import (
    Replicates,
    difference,
    effective_blocks,
    interval,
    replicates,
    skill,
    skill_replicates,
    student_quantile,
)


def drives(counts):
    """Each origin a drive, and so a block."""
    clips = [Origin(clip=f"{one:03}", index=9) for one in range(len(counts))]
    return independent_blocks(clips, [counts], fps_by_clip={}, drive_by_clip={})


def random_counts(seed, num=12, classes=4):
    rng = np.random.default_rng(seed)
    return rng.integers(0, 40, (num, classes, classes)) + np.eye(classes, dtype=np.int64) * 100


def with_a_rare_class(num=12):
    """Class 2 is in the first origin alone, half of it missed; everything else is right."""
    counts = np.zeros((num, 3, 3), np.int64)
    counts[:, 0, 0] = 1000 + 10 * np.arange(num)
    counts[:, 0, 1] = np.arange(num)
    counts[:, 1, 1] = 300
    counts[0, 2, 2] = counts[0, 2, 1] = 20
    return counts


def test_leaving_a_block_out_equals_pooling_the_others():
    counts = random_counts(0)
    found = replicates(drives(counts), counts)
    assert found.whole == pytest.approx(mean_iou(counts.sum(axis=0)))
    slow = [mean_iou(np.delete(counts, one, axis=0).sum(axis=0)) for one in range(12)]
    np.testing.assert_allclose(found.values, slow)


def test_a_class_of_one_block_does_not_vanish_with_it():
    counts = with_a_rare_class()
    without = mean_iou(counts[1:].sum(axis=0))
    found = replicates(drives(counts), counts)
    assert without > found.whole + 0.15
    assert abs(found.values[0] - found.whole) < 0.01


def test_a_class_of_one_block_borrows_its_uncertainty():
    counts = with_a_rare_class()
    lonely, others = (interval(replicates(drives(counts), counts, ids)) for ids in ((2,), (0, 1)))
    assert lonely.high > lonely.low
    single = counts[:, 0, 0] / counts[:, 0].sum(axis=1)
    assert lonely.high - lonely.low > 2 * single.std()
    assert others.high - others.low < 0.1


@given(seed=st.integers(0, 10_000), rare=st.integers(1, 12))
@settings(max_examples=50, deadline=None)
def test_an_interval_holds_its_figure_and_lies_between_0_and_1(seed, rare):
    counts = random_counts(seed)
    counts[rare:, 3, :] = counts[rare:, :, 3] = 0
    blocks = drives(counts)
    for ids in (None, (3,), (0, 3)):
        replicated = replicates(blocks, counts, ids)
        found = interval(replicated, lowest=0.0, highest=1.0)
        assert 0 <= found.low <= replicated.whole <= found.high <= 1


@given(seed=st.integers(0, 10_000), rare=st.integers(1, 12))
@settings(max_examples=25, deadline=None)
def test_the_gain_over_oneself_is_exactly_nothing(seed, rare):
    counts = random_counts(seed)
    counts[rare:, 3, :] = counts[rare:, :, 3] = 0
    blocks = drives(counts)
    found = interval(difference(replicates(blocks, counts), replicates(blocks, counts.copy())))
    assert (found.low, found.high) == (0, 0)


def test_too_few_blocks_give_nothing():
    none = Blocks(targets=None, membership=None, note="too short to say")
    assert replicates(none, random_counts(0)) is None
    assert interval(None) is None
    assert difference(None, None) is None
    assert skill_replicates(None, None, None) is None


def test_classes_that_are_not_there_give_no_interval():
    counts = random_counts(3)
    counts[:, 3, :] = counts[:, :, 3] = 0
    assert interval(replicates(drives(counts), counts, (3,))) is None


def bursts(rng):
    """Thirty-six drives: three common classes, and one that is in one of six."""
    areas = rng.gamma(4.0, 500.0, (36, 4)) * (rng.random((36, 4)) < np.array([1, 1, 1, 1 / 6]))
    odds = np.array([2.0, 1.0, 0.5, 0.0]) + 0.6 * rng.standard_normal((36, 4))
    wrong = areas / (1 + np.exp(odds))
    counts = np.zeros((36, 4, 4))
    counts[:, range(4), range(4)] = areas - wrong
    counts[:, range(4), (1, 2, 0, 0)] = wrong
    return np.rint(counts).astype(np.int64)


def test_nineteen_in_twenty_intervals_hold_the_truth():
    """150 draws: with a coverage of 0.92 or more, fewer than 120 has odds of one in a million."""
    rng = np.random.default_rng(0)
    long = sum(bursts(rng).sum(axis=0) for _ in range(500))
    figures, widths, covered = [], [], 0
    for _ in range(150):
        counts = bursts(rng)
        found = replicates(drives(counts), counts)
        ends = interval(found)
        there = counts.sum(axis=(0, 2)) > 0
        hits = np.diag(long) / (long.sum(axis=0) + long.sum(axis=1) - np.diag(long))
        covered += ends.low <= hits[there].mean() <= ends.high
        figures.append(found.whole)
        widths.append(ends.high - ends.low)
    assert covered >= 120
    # An interval of everything would cover too: twice 1.96 deviations are needed, not twice that.
    assert 3.2 < np.median(widths) / np.std(figures) < 7.0


def test_pairing_narrows_a_difference():
    hard = np.linspace(0, 300, 12).astype(np.int64)
    model = np.array([[[1000, e], [e, 1000]] for e in hard])
    rival = np.array([[[1000, e + 30], [e + 30, 1000]] for e in hard])
    blocks = drives(model)
    ours, theirs = (replicates(blocks, one) for one in (model, rival))
    paired, single = interval(difference(ours, theirs)), interval(ours)
    assert paired.low > 0
    assert paired.high - paired.low < 0.3 * (single.high - single.low)


def test_blocks_count_by_what_they_know():
    even = np.ones((8, 3))
    assert effective_blocks(even) == pytest.approx(8)
    lonely = np.array([[10.0, 10], *[[10, 0]] * 7])
    assert effective_blocks(lonely, (1,)) == pytest.approx(1)
    assert 1 < effective_blocks(lonely) < 8
    assert effective_blocks(even * [1, 1, 0], (2,)) == 0


@pytest.mark.parametrize(
    ("degrees", "quantile"), [(3, 3.182), (5, 2.571), (7, 2.365), (11, 2.201), (30, 2.042)]
)
def test_the_quantile_is_that_of_the_printed_tables(degrees, quantile):
    assert student_quantile(float(degrees)) == pytest.approx(quantile, rel=2e-3)


def told(whole, values):
    ones = np.ones(len(values))
    return Replicates(whole=whole, values=np.asarray(values), weights=ones, degrees=5.0)


def test_skill_runs_from_copy_to_ceiling():
    assert skill(0.4, 0.4, 0.8) == 0
    assert skill(0.8, 0.4, 0.8) == 1
    assert skill(0.5, 0.8, 0.8) is None
    model, copy, ceiling = told(0.6, [0.6, 0.5]), told(0.4, [0.4, 0.4]), told(0.8, [0.8, 0.6])
    found = skill_replicates(model, copy, ceiling)
    assert found.whole == pytest.approx(0.5)
    np.testing.assert_allclose(found.values, [0.5, 0.5])
    assert skill_replicates(model, copy, told(0.8, [0.8, 0.4])) is None
