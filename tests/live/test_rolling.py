"""Numbers over the last little while."""

from __future__ import annotations

import pytest

from forecast.live.rolling import RollingPercentiles, RollingRate


def test_percentiles_forget_what_left_the_window():
    rolling = RollingPercentiles(window=100)
    assert rolling.summary() is None
    for value in [1000.0] * 50 + [float(i) for i in range(101)]:
        rolling.add(value)
    assert rolling.summary().p50 == pytest.approx(50.5)
    assert rolling.summary().p95 == pytest.approx(95.05)


def test_a_rate_is_events_a_second_and_falls_to_nothing():
    rate = RollingRate(span_s=4.0)
    for i in range(50):
        rate.add(i * 0.1)
    assert rate.per_second(4.9) == pytest.approx(10.0)
    assert rate.per_second(20.0) == 0.0
