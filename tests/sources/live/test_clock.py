"""Times of live frames: rising, anchored, and split into epochs."""

from __future__ import annotations

import itertools
import math

import pytest
from hypothesis import given
from hypothesis import strategies as st

from forecast.sources.live.clock import LiveClock


def _stamps(clock, media, *, period_s=0.04, start_s=100.0):
    return [clock.stamp(time_s, start_s + i * period_s) for i, time_s in enumerate(media)]


@given(st.lists(st.none() | st.floats(-5, 5), min_size=1, max_size=60))
def test_times_always_rise_and_epochs_never_fall(media):
    kept = [one for one in _stamps(LiveClock(), media) if one is not None]
    moments = [one.pts_s for one in kept]
    epochs = [one.epoch for one in kept]
    assert all(later > earlier for earlier, later in itertools.pairwise(moments))
    assert epochs == sorted(epochs)


def test_steady_times_pass_unchanged_from_zero():
    stamps = _stamps(LiveClock(), [7.0 + 0.04 * i for i in range(20)])
    assert all(math.isclose(one.pts_s, 0.04 * i, abs_tol=1e-9) for i, one in enumerate(stamps))


def test_a_first_frame_without_a_time_does_not_shift_the_others():
    stamps = _stamps(LiveClock(), [None, 0.04, 0.08, 0.12])
    assert [round(one.pts_s, 3) for one in stamps] == [0.0, 0.04, 0.08, 0.12]


def test_a_frame_older_than_the_last_is_refused():
    stamps = _stamps(LiveClock(), [0.08, 0.04, 0.12, 0.16])
    assert [one is None for one in stamps] == [False, True, False, False]


def test_a_clock_that_stands_still_is_replaced_by_arrival():
    stamps = _stamps(LiveClock(), [0.0] * 40)
    assert sum(one is not None for one in stamps) >= 32
    assert {one.epoch for one in stamps if one} == {0}


def test_a_restart_near_zero_is_a_new_epoch():
    media = [50 + 0.04 * i for i in range(10)] + [0.04 * i for i in range(10)]
    stamps = _stamps(LiveClock(), media)
    assert [one.epoch for one in stamps] == [0] * 10 + [1] * 10


def test_a_silence_longer_than_the_gap_is_a_new_epoch():
    clock = LiveClock(gap_s=1.0)
    for i in range(5):
        assert clock.stamp(0.2 * i, 10.0 + 0.2 * i).epoch == 0
    assert clock.stamp(1.7, 11.7).epoch == 0
    after = clock.stamp(3.0, 13.0)
    assert after.epoch == 1
    assert math.isclose(after.pts_s, 3.0)


@pytest.mark.parametrize("period_s", [1.0, 1.001, 2.0, 10.0, 90.0])
def test_a_camera_slower_than_the_gap_stays_in_one_epoch(period_s):
    media = [period_s * i for i in range(20)]
    stamps = _stamps(LiveClock(gap_s=1.0), media, period_s=period_s)
    assert [one.epoch for one in stamps] == [0] * 20
    assert not any(one.late for one in stamps)


def test_a_slow_camera_that_falls_silent_begins_an_epoch():
    clock = LiveClock(gap_s=1.0)
    for i in range(6):
        assert clock.stamp(2.0 * i, 2.0 * i).epoch == 0
    assert clock.stamp(20.0, 20.0).epoch == 1


def test_a_camera_that_slows_down_is_judged_by_its_new_period():
    media = [0.04 * i for i in range(50)] + [2 + 1.5 * i for i in range(20)]
    clock = LiveClock(gap_s=1.0)
    epochs = [clock.stamp(moment_s, moment_s).epoch for moment_s in media]
    assert len(set(epochs[-12:])) == 1


def test_what_a_pause_held_back_is_late_and_what_follows_is_not():
    clock = LiveClock()
    for i in range(25):
        assert not clock.stamp(0.04 * i, 0.04 * i).late
    # Taken before the pause and set free 5 s later, by a time-out or by a link that is back.
    assert clock.stamp(1.0, 6.0).late
    after = clock.stamp(6.0, 6.04)
    assert after.epoch == 1
    assert not after.late


def test_the_lag_of_a_link_at_seven_tenths_of_the_rate_is_told():
    clock = LiveClock()
    stamps = [clock.stamp(0.04 * i, 0.04 * i / 0.7) for i in range(250)]
    behind_s = 0.04 * 249 * (1 / 0.7 - 1)
    assert math.isclose(stamps[-1].lag_s, behind_s, abs_tol=0.05)
    assert stamps[0].lag_s == 0.0


def test_a_steady_stream_has_no_lag_though_its_clock_is_a_little_slow():
    clock = LiveClock()
    stamps = [clock.stamp(0.04 * i, 0.04 * i * 1.0005) for i in range(5000)]
    assert max(one.lag_s for one in stamps) < 0.02


def test_a_reconnection_is_a_new_epoch_on_the_same_time_line():
    clock = LiveClock()
    clock.stamp(5.0, 20.0)
    clock.reconnected()
    after = clock.stamp(0.0, 23.0)
    assert (after.epoch, after.pts_s) == (1, 3.0)


def test_a_backlog_is_late_until_it_has_caught_up():
    clock = LiveClock()
    for i in range(25):
        assert not clock.stamp(0.04 * i, 0.04 * i).late
    # 0.8 s of silence, then the missed frames in a burst, then as before.
    burst = [clock.stamp(1.0 + 0.04 * i, 1.8 + 0.002 * i) for i in range(20)]
    steady = [clock.stamp(1.8 + 0.04 * i, 1.84 + 0.04 * i) for i in range(20)]
    assert sum(one.late for one in burst) >= 12
    assert not any(one.late for one in steady[1:])
