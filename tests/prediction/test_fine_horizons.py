"""Horizons in source frames where only every k-th frame is looked at."""

from __future__ import annotations

from dataclasses import replace

import pytest
import torch

from forecast.labels import CITYSCAPES
from forecast.prediction.copy_last import CopyLast
from forecast.prediction.fine_horizons import FineHorizons
from forecast.values import Frame, History, Instant, Needs, Observation, Segmentation


def _observation(pts_s, index):
    at = Instant(clip="c", index=index, pts_s=pts_s)
    return Observation(
        frame=Frame(at=at, rgb=torch.zeros(3, 8, 8, dtype=torch.uint8)),
        segmentation=Segmentation(
            at=at, space=CITYSCAPES, size_hw=(8, 8), probs=torch.full((19, 4, 4), 1 / 19)
        ),
    )


@pytest.fixture
def history():
    """Two looks, 0.4 s apart, at a source of 25 frames a second."""
    return History(
        observations=(_observation(0.0, 0), _observation(0.4, 10)),
        previous=None, stride_s=0.4, frame_s=0.4,
    )  # fmt: skip


def test_a_horizon_shorter_than_the_period_is_served_nearly(history):
    fine = FineHorizons(CopyLast(), period_s=0.4, frames_per_period=10)
    (coarse,) = CopyLast().predict([history], horizons_s=[0.18])
    (served,) = fine.predict([history], horizons_s=[0.18])
    assert coarse.served_s == 0.0
    assert served.served_s == pytest.approx(0.16, abs=0.021)
    assert served.origin == history.origin


class _WantsPrevious(CopyLast):
    @property
    def needs(self):
        return Needs(num_observations=1, step_s=0.176, previous=True)


def test_the_frame_looked_at_before_stands_in_for_the_source_frame_before():
    fine = FineHorizons(_WantsPrevious(), period_s=0.12, frames_per_period=3)
    assert fine.needs == Needs(num_observations=2, step_s=0.12)


def test_what_was_seen_in_the_source_frame_before_is_left_out_with_it(history):
    seen = history.observations[0]
    whole = replace(history, previous=seen.frame, before=seen.segmentation)
    fine = FineHorizons(CopyLast(), period_s=0.4, frames_per_period=10)
    (served,) = fine.predict([whole], horizons_s=[0.18])
    assert served.origin == history.origin
