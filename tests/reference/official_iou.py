"""The official rule, pixel by pixel and class by class: slow and obvious."""

from __future__ import annotations

import numpy as np


def slow_confusion(target, predicted, num_classes, void_id):
    counts = np.zeros((num_classes, num_classes), np.int64)
    for said, true in zip(predicted.ravel().tolist(), target.ravel().tolist(), strict=True):
        if true != void_id:
            counts[true, said] += 1
    return counts


def slow_iou(counts):
    scores = []
    for one in range(len(counts)):
        hits = int(counts[one, one])
        missed = sum(int(counts[one, other]) for other in range(len(counts)) if other != one)
        false = sum(int(counts[other, one]) for other in range(len(counts)) if other != one)
        whole = hits + missed + false
        scores.append(hits / whole if whole else float("nan"))
    return scores


def slow_mean(scores):
    defined = [one for one in scores if one == one]
    return sum(defined) / len(defined) if defined else float("nan")
