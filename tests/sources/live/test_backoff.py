"""Waits between attempts."""

from __future__ import annotations

import random

from hypothesis import given
from hypothesis import strategies as st

from forecast.sources.live.backoff import Backoff


@given(seed=st.integers(0, 1000), failures=st.integers(1, 200))
def test_no_wait_is_longer_than_the_cap_or_shorter_than_half(seed, failures):
    backoff = Backoff(first_s=0.25, cap_s=5.0, rng=random.Random(seed))
    waits = [backoff.failed() for _ in range(failures)]
    assert all(wait is not None and 0.125 <= wait <= 5.0 for wait in waits)
    assert waits[-1] >= min(2.5, 0.125 * 2.0 ** (failures - 1))


def test_so_many_failures_in_a_row_are_forgiven_and_no_more():
    backoff = Backoff(retries=2)
    assert [backoff.failed() is None for _ in range(3)] == [False, False, True]


def test_a_success_starts_the_count_again():
    backoff = Backoff(retries=1)
    assert backoff.failed() is not None
    backoff.succeeded()
    assert backoff.failed() is not None
    assert backoff.failed() is None


def test_two_sources_do_not_wait_alike():
    waits = [Backoff(first_s=1.0, rng=random.Random(seed)).failed() for seed in range(20)]
    assert len(set(waits)) == 20
