"""Flicker: what changes along the flow, and what cannot be compared."""

from __future__ import annotations

import numpy as np
import pytest
import torch

from forecast.evaluation.compared import Before
from forecast.evaluation.flicker import changes, flicker
from forecast.labels import CITYSCAPES

STILL = np.zeros((2, 16, 32), np.float32)


class Leftwards:
    """Everything moves four pixels to the left each frame."""

    name = "leftwards"

    def __call__(self, reference, moving):
        flow = torch.zeros(2, *reference.size_hw)
        flow[0] = 4.0 * (reference.at.index - moving.at.index)
        return flow


def test_what_moves_with_the_flow_does_not_flicker():
    before = np.random.default_rng(0).integers(0, 19, (16, 32), np.uint8)
    now = np.roll(before, -4, 1)
    shift = STILL.copy()
    shift[0] = 4
    found = changes(before, now, backward=shift, forward=-shift, void_id=255)
    assert found == (0, 16 * 28)


def test_a_changed_label_counts_and_void_of_either_frame_does_not():
    before, now = np.zeros((2, 16, 32), np.uint8)
    now[3, 4:8] = 7
    before[0, :2], now[1, :3] = 255, 255
    found = changes(before, now, backward=STILL, forward=STILL, void_id=255)
    assert found == (4, 16 * 32 - 5)


def test_forecast_and_target_are_pooled_over_pairs_and_a_gap_adds_nothing(compared, frame):
    size = (16, 32)
    target = np.zeros(size, np.uint8)
    spotted = target.copy()
    spotted[2, 10:17] = 5
    before = Before(labels=target, target_ids=target, future=frame(2, size))
    pair = compared(spotted, target, CITYSCAPES, future=frame(3, size), before=before)
    alone = compared(spotted, target, CITYSCAPES, future=frame(9, size))
    extra = flicker(Leftwards())
    figures = extra.figures(np.stack([extra.sums(one) for one in (pair, alone)]))
    assert figures["flicker"] == pytest.approx(7 / (16 * 28))
    assert figures["flicker_target"] == 0
    assert np.isnan(extra.figures(extra.sums(alone)[None])["flicker"])
