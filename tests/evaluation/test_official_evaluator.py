"""cityscapesscripts counts exported PNGs as this project counts arrays."""

from __future__ import annotations

import warnings

import numpy as np
import pytest
from PIL import Image

from forecast.confusion import confusion, iou, mean_iou, pooled
from forecast.errors import UsageError
from forecast.labels import CITYSCAPES

with warnings.catch_warnings():
    warnings.simplefilter("ignore")
    from cityscapesscripts.evaluation import evalPixelLevelSemanticLabeling as Evaluator
    from cityscapesscripts.helpers.labels import trainId2label

OFFICIAL_IDS = [trainId2label[one].id for one in range(CITYSCAPES.num_classes)]
TO_OFFICIAL = np.zeros(256, np.uint8)
TO_OFFICIAL[: CITYSCAPES.num_classes] = OFFICIAL_IDS


def pictures(num=3):
    rng = np.random.default_rng(0)
    for _ in range(num):
        target = np.kron(rng.integers(0, 17, (4, 8)), np.ones((8, 8))).astype(np.uint8)
        target[rng.random(target.shape) < 0.1] = 255
        predicted = np.roll(np.where(target == 255, 0, target), 3, axis=1).astype(np.uint8)
        yield target, predicted


def official_matrix(folder, pairs):
    args = Evaluator.args
    args.evalInstLevelScore = False
    args.JSONOutput = False
    args.quiet = True
    matrix = Evaluator.generateMatrix(args)
    for index, (target, predicted) in enumerate(pairs):
        paths = folder / f"pred_{index}.png", folder / f"gt_{index}_gtFine_labelIds.png"
        for path, ids in zip(paths, (predicted, target), strict=True):
            Image.fromarray(ids).save(path)
        Evaluator.evaluatePair(str(paths[0]), str(paths[1]), matrix, {}, {}, args)
    return np.asarray(matrix).astype(np.int64)


def official_scores(matrix):
    return [Evaluator.getIouScoreForLabel(one, matrix, Evaluator.args) for one in OFFICIAL_IDS]


def test_counts_and_scores_equal_the_official_evaluator(tmp_path):
    pairs = list(pictures())
    ours = pooled([confusion(target, predicted, CITYSCAPES) for target, predicted in pairs])
    matrix = official_matrix(tmp_path, [(TO_OFFICIAL[t], TO_OFFICIAL[p]) for t, p in pairs])
    assert np.array_equal(matrix[np.ix_(OFFICIAL_IDS, OFFICIAL_IDS)], ours)
    theirs = official_scores(matrix)
    assert np.isnan(theirs).any()
    assert np.array_equal(theirs, iou(ours), equal_nan=True)
    assert mean_iou(ours) == pytest.approx(np.nanmean(theirs), abs=1e-15)


def test_an_ignored_prediction_is_a_miss_there_and_refused_here(tmp_path):
    target, predicted = next(pictures())
    target[:2], predicted[:2] = 0, 0
    said = TO_OFFICIAL[predicted]
    said[0] = 0
    matrix = official_matrix(tmp_path, [(TO_OFFICIAL[target], said)])
    road = OFFICIAL_IDS[0]
    assert matrix[road, 0] == target.shape[1]
    hits = matrix[road, road]
    others = matrix[np.ix_(OFFICIAL_IDS, OFFICIAL_IDS)]
    union = others[0].sum() + others[:, 0].sum() - hits + target.shape[1]
    assert official_scores(matrix)[0] == hits / union
    predicted[0] = 255
    with pytest.raises(UsageError, match="prediction holds id 255"):
        confusion(target, predicted, CITYSCAPES)
