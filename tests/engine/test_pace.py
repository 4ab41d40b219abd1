"""How often a live source is looked at."""

from __future__ import annotations

import pytest

from forecast.engine.pace import Pace
from forecast.values import Instant


def _drive(pace, seconds, *, cost_s, source_period_s=0.04, start_s=0.0, keeps=1.0):
    """Frames at the pace's period, of which a share is kept."""
    now_s, index, changes = start_s, int(start_s * 1000), 0
    while now_s < start_s + seconds:
        period_s = pace.period_s or max(source_period_s, cost_s)
        now_s += period_s / keeps
        index += 1
        at = Instant(clip="c", index=index, pts_s=now_s, epoch=0)
        changes += pace.observe(at, cost_s=cost_s, source_period_s=source_period_s)
    return changes


@pytest.mark.parametrize(("cost_s", "frames"), [(0.01, 1), (0.04, 2), (0.1, 4), (0.3, 10)])
def test_the_period_is_the_fewest_source_frames_that_leave_headroom(cost_s, frames):
    pace = Pace()
    _drive(pace, 3, cost_s=cost_s)
    assert pace.frames_per_period == frames
    assert pace.period_s == pytest.approx(0.04 * frames)


def test_a_steady_load_never_changes_the_period_again():
    pace = Pace()
    assert _drive(pace, 60, cost_s=0.07) == 1


def test_missed_frames_lengthen_the_period():
    pace = Pace()
    _drive(pace, 3, cost_s=0.03)
    _drive(pace, 12, cost_s=0.03, start_s=5, keeps=0.6)
    assert pace.frames_per_period >= 2


def test_a_lighter_load_shortens_it_after_a_while():
    pace = Pace()
    _drive(pace, 3, cost_s=0.2)
    _drive(pace, 60, cost_s=0.02, start_s=5)
    assert pace.frames_per_period == 1


def test_a_source_that_slows_down_is_followed():
    pace = Pace()
    _drive(pace, 3, cost_s=0.01)
    _drive(pace, 20, cost_s=0.01, source_period_s=0.1, start_s=5)
    assert pace.period_s == pytest.approx(0.1)
