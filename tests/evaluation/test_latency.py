"""The lead that is left is the horizon less the slow end."""

from __future__ import annotations

import pytest

from forecast.errors import UsageError
from forecast.evaluation.latency import latency


def test_median_and_slow_end():
    found = latency([float(one) for one in range(101)])
    assert (found.num_samples, found.p50_ms, found.p95_ms) == (101, 50, 95)


def test_a_late_answer_has_a_negative_lead():
    found = latency([300.0, 300.0])
    assert found.usable_lead_s(0.5) == pytest.approx(0.2)
    assert found.usable_lead_s(0.2) < 0


def test_nothing_measured_is_an_error():
    with pytest.raises(UsageError, match="no latencies"):
        latency([])
