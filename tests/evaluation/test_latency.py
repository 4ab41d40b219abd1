"""The lead that is left is the horizon less the slow end."""

from __future__ import annotations

import numpy as np
import pytest

from forecast.evaluation.latency import latency
from forecast.labels import CAMVID

IDS = np.zeros((2, 2), np.uint8)


@pytest.fixture
def figures(compared):
    return lambda *told: _figures(compared, *told)


def _figures(compared, samples_ms, served_s):
    extra = latency()
    sums = [
        extra.sums(compared(IDS, IDS, CAMVID, latency_ms=one, served_s=served_s))
        for one in samples_ms
    ]
    return extra.figures(np.stack(sums))


def test_median_and_slow_end(figures):
    found = figures([float(one) for one in range(101)], 0.5)
    assert (found["latency_p50_ms"], found["latency_p95_ms"]) == (50, 95)
    assert found["usable_lead_s"] == pytest.approx(0.405)


def test_a_late_answer_has_a_negative_lead(figures):
    assert figures([300.0, 300.0], 0.2)["usable_lead_s"] == pytest.approx(-0.1)
