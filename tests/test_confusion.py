"""Counting follows the official rule, exactly."""

from __future__ import annotations

import importlib.util
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from forecast import confusion as counting
from forecast.confusion import confusion, iou, mean_iou, moving_iou, only_where, pooled
from forecast.errors import UsageError
from forecast.labels import CAMVID, CITYSCAPES, LabelClass, LabelSpace

_spec = importlib.util.spec_from_file_location(
    "official_iou", Path(__file__).parent / "reference" / "official_iou.py"
)
assert _spec is not None
assert _spec.loader is not None
official = importlib.util.module_from_spec(_spec)
_spec.loader.exec_module(official)


def maps(seed, space=CITYSCAPES, size=(32, 64), void=0.1):
    rng = np.random.default_rng(seed)
    target = rng.integers(0, space.num_classes, size).astype(np.uint8)
    target[rng.random(size) < void] = space.void_id
    return target, rng.integers(0, space.num_classes, size).astype(np.uint8)


@given(st.integers(0, 10_000), st.sampled_from([CITYSCAPES, CAMVID]))
@settings(max_examples=20, deadline=None)
def test_counts_and_scores_equal_the_slow_rule(seed, space):
    target, predicted = maps(seed, space, (8, 16))
    counts = confusion(target, predicted, space)
    slow = official.slow_confusion(target, predicted, space.num_classes, space.void_id)
    assert np.array_equal(counts, slow)
    np.testing.assert_allclose(iou(counts), official.slow_iou(slow), rtol=1e-15)
    assert mean_iou(counts) == pytest.approx(official.slow_mean(official.slow_iou(slow)))
    moving = [official.slow_iou(slow)[one] for one in space.moving_ids]
    assert moving_iou(counts, space) == pytest.approx(official.slow_mean(moving), nan_ok=True)


def test_confusion_of_two_halves_adds_to_the_whole():
    target, predicted = maps(1)
    halves = [
        confusion(target[part], predicted[part], CITYSCAPES)
        for part in (slice(16), slice(16, None))
    ]
    assert np.array_equal(pooled(halves), confusion(target, predicted, CITYSCAPES))


def test_counting_in_bands_changes_nothing(monkeypatch):
    target, predicted = maps(2)
    whole = confusion(target, predicted, CITYSCAPES)
    monkeypatch.setattr(counting, "_EXACT_PIXELS", 64 * 5)
    assert np.array_equal(confusion(target, predicted, CITYSCAPES), whole)


def test_views_with_strides_are_counted_as_they_look():
    target, predicted = maps(3)
    turned = confusion(target.T, predicted.T, CITYSCAPES)
    assert np.array_equal(turned, confusion(target, predicted, CITYSCAPES))


def test_wide_ids_are_counted_like_bytes():
    target, predicted = maps(4)
    wide = confusion(target.astype(np.uint16), predicted.astype(np.uint16), CITYSCAPES)
    assert np.array_equal(wide, confusion(target, predicted, CITYSCAPES))


def test_more_than_254_classes_fit():
    classes = tuple(LabelClass(name=str(one), colour=(0, 0, 0)) for one in range(300))
    space = LabelSpace(name="many", classes=classes, void_id=65535)
    target = np.array([[299, 65535]], np.uint16)
    counts = confusion(target, np.array([[298, 3]], np.uint16), space)
    assert counts.sum() == 1
    assert counts[299, 298] == 1


def test_a_prediction_of_no_class_is_refused_where_it_counts():
    target, predicted = maps(5)
    predicted[0, 0] = 255
    target[0, 0] = 3
    with pytest.raises(UsageError, match="prediction holds id 255"):
        confusion(target, predicted, CITYSCAPES)
    target[0, 0] = 255
    confusion(target, predicted, CITYSCAPES)


def test_a_target_of_no_class_is_refused():
    target, predicted = maps(6, CAMVID)
    target[0, 0] = 200
    with pytest.raises(UsageError, match="target holds id 200"):
        confusion(target, predicted, CAMVID)


def test_a_class_is_undefined_only_if_nobody_names_it():
    target = np.zeros((4, 4), np.uint8)
    predicted = target.copy()
    predicted[0, 0] = 2
    scores = iou(confusion(target, predicted, CITYSCAPES))
    assert scores[0] == 15 / 16
    assert scores[2] == 0
    assert np.isnan(scores[[1, *range(3, 19)]]).all()


def test_nothing_to_count_is_undefined_not_zero():
    target = np.full((4, 4), 255, np.uint8)
    counts = confusion(target, np.zeros_like(target), CITYSCAPES)
    assert np.isnan(mean_iou(counts))
    assert np.isnan(moving_iou(counts, CITYSCAPES))


def test_outside_the_mask_nothing_counts():
    target, predicted = maps(7, void=0)
    mask = np.zeros(target.shape, bool)
    mask[:, :10] = True
    inside = confusion(only_where(target, mask, CITYSCAPES), predicted, CITYSCAPES)
    assert np.array_equal(inside, confusion(target[:, :10], predicted[:, :10], CITYSCAPES))
