"""Even periods out of fast streams."""

from __future__ import annotations

import math
from itertools import pairwise

import pytest

from forecast.sources.live.thinning import Thinning
from forecast.values import Instant


def _passed(thinning, period_s, count, *, epoch=0):
    instants = [Instant(clip="c", index=i, pts_s=i * period_s, epoch=epoch) for i in range(count)]
    return [at.pts_s for at in instants if thinning.passes(at)]


def test_without_a_period_every_frame_passes():
    assert len(_passed(Thinning(), 0.04, 50)) == 50


@pytest.mark.parametrize("stride", [1, 2, 3, 5])
def test_a_multiple_of_the_source_period_gives_exactly_even_frames(stride):
    thinning = Thinning()
    thinning.period_s = 0.04 * stride
    gaps = [b - a for a, b in pairwise(_passed(thinning, 0.04, 200))]
    assert all(math.isclose(gap, 0.04 * stride, abs_tol=1e-6) for gap in gaps[10:])


def test_no_frame_is_further_than_half_a_source_frame_from_its_tick():
    thinning = Thinning()
    thinning.period_s = 0.1
    passed = _passed(thinning, 1 / 30, 300)
    assert all(abs(t - 0.1 * round(t / 0.1)) < 1 / 60 + 1e-6 for t in passed)


def test_the_source_period_is_measured():
    thinning = Thinning()
    _passed(thinning, 0.04, 20)
    assert math.isclose(thinning.source_period_s, 0.04)


def test_a_stream_that_is_opened_again_passes_from_its_start():
    thinning = Thinning()
    thinning.period_s = 0.08
    first = _passed(thinning, 0.04, 20)
    thinning.begin()
    assert _passed(thinning, 0.04, 20) == first
