"""A forecast beside its target, made from two label maps."""

from __future__ import annotations

import pytest
import torch

from forecast.confusion import confusion
from forecast.evaluation.compared import Compared
from forecast.values import Frame, Instant


def _frame(index, size_hw):
    at = Instant(clip="a", index=index, pts_s=index / 10)
    return Frame(at=at, rgb=torch.full((3, *size_hw), index, dtype=torch.uint8))


def _compared(labels, target_ids, space, **more):
    told = {
        "space": space,
        "labels": labels,
        "target_ids": target_ids,
        "counts": confusion(target_ids, labels, space),
        "future": _frame(3, target_ids.shape),
        "served_s": 0.3,
    }
    return Compared(**(told | more))


@pytest.fixture
def frame():
    return _frame


@pytest.fixture
def compared():
    return _compared
