"""Pieces are counted class by class, over corners, where the target counts."""

from __future__ import annotations

import numpy as np

from forecast.evaluation.components import components, num_components
from forecast.labels import CAMVID

VOID = CAMVID.void_id


def test_pieces_touch_over_corners_and_void_is_none():
    ids = np.uint8([[0, 1, VOID, 0], [1, 0, VOID, 0], [1, 1, VOID, 2]])
    # 0: the two of the left corner touch, the right column is apart; 1: one; 2: one.
    assert num_components(ids, CAMVID) == 4


def test_a_forecast_is_counted_where_its_target_counts(compared):
    target = np.uint8([[0, 0, VOID, 1]])
    forecast = np.uint8([[0, 1, 2, 1]])
    extra = components()
    found = extra.figures(extra.sums(compared(forecast, target, CAMVID))[None])
    assert found == {"components": 3, "components_target": 2}
