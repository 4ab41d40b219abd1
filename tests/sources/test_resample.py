from __future__ import annotations

from contextlib import contextmanager

import numpy as np
import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st

from forecast.errors import SourceError
from forecast.sources.resample import Resampled, resample
from forecast.values import Frame, Instant


@given(fps=st.floats(1, 120), stride=st.integers(1, 20), count=st.integers(1, 100))
def test_a_constant_rate_gives_every_nth_frame(fps, stride, count):
    pts_s = [index / fps for index in range(count)]
    assert resample(pts_s, step_s=stride / fps) == list(range(0, count, stride))


gaps = st.lists(st.floats(0.005, 0.3), min_size=1, max_size=60)


@given(gaps_s=gaps, step_s=st.floats(0.02, 1))
def test_no_frame_twice_each_the_nearest_and_none_far_off(gaps_s, step_s):
    pts_s = np.concatenate([[0.0], np.cumsum(gaps_s)])
    indices = resample(pts_s.tolist(), step_s=step_s)
    assert indices[0] == 0
    assert indices == sorted(set(indices))
    tolerance_s = min(step_s / 2, float(np.median(gaps_s)))
    for index in indices:
        place_s = np.ceil((pts_s[index] - 1e-6) / step_s - 0.5) * step_s
        error_s = abs(pts_s[index] - place_s)
        assert error_s <= tolerance_s + 1e-5
        assert error_s <= np.abs(pts_s - place_s).min() + 1e-5


@given(jitter=st.lists(st.floats(-0.4, 0.4), min_size=20, max_size=40))
def test_jitter_under_half_a_frame_loses_no_place(jitter):
    pts_s = [0.0, *(0.04 * (index + 1 + off) for index, off in enumerate(jitter))]
    served = resample(pts_s, step_s=0.2)
    assert len(served) in (1 + len(jitter) // 5, 2 + len(jitter) // 5)
    steps = np.diff(np.asarray(pts_s)[served])
    assert (np.abs(steps - 0.2) <= 0.04 + 1e-6).all()


def test_a_hole_in_the_source_is_a_hole_in_the_grid():
    pts_s = [index / 10 for index in range(50) if not 13 <= index <= 27]
    times_s = [pts_s[index] for index in resample(pts_s, step_s=0.5)]
    assert times_s == pytest.approx([0, 0.5, 1.0, 3.0, 3.5, 4.0, 4.5])


def test_a_stated_tolerance_is_kept():
    assert resample([0.0, 0.1, 0.26, 0.3], step_s=0.2, tolerance_s=0.05) == [0]
    assert resample([0.0, 0.1, 0.26, 0.3], step_s=0.2, tolerance_s=0.07) == [0, 2]


def test_of_two_equally_near_the_earlier_is_served():
    assert resample([0.0, 0.15, 0.25, 0.4], step_s=0.2) == [0, 1, 3]


def test_no_times_give_no_frames():
    assert resample([], step_s=0.1) == []


class _Listed:
    """A source of given times that may fail at its end."""

    clip, num_frames, fingerprint = "listed", None, "0" * 16

    def __init__(self, pts_s, fps=None, *, fails=False):
        self._pts_s, self.fps, self._fails = pts_s, fps, fails

    @contextmanager
    def open(self, only=None):
        yield self._frames()

    def _frames(self):
        for index, pts_s in enumerate(self._pts_s):
            at = Instant(clip=self.clip, index=index, pts_s=pts_s)
            yield Frame(at=at, rgb=torch.full((3, 4, 4), index, dtype=torch.uint8))
        if self._fails:
            raise SourceError("broken")


@given(gaps_s=gaps, fps=st.sampled_from([2.0, 5.0, 10.0, 17.0]))
def test_the_wrapper_serves_what_the_function_does_at_true_times(gaps_s, fps):
    pts_s = [0.0, *np.cumsum(gaps_s).tolist()]
    expected = resample(pts_s, step_s=1 / fps, tolerance_s=0.5 / fps)
    with Resampled(_Listed(pts_s), fps).open() as frames:
        served = list(frames)
    assert [int(frame.rgb[0, 0, 0]) for frame in served] == expected
    assert [frame.at.pts_s for frame in served] == [pts_s[index] for index in expected]
    assert [frame.at.index for frame in served] == list(range(len(expected)))


def test_a_fault_arrives_after_the_frame_held_back():
    got = []
    source = Resampled(_Listed([0.0, 0.1, 0.2], 10.0, fails=True), 5.0)
    with pytest.raises(SourceError, match="broken"), source.open() as frames:
        got.extend(int(frame.rgb[0, 0, 0]) for frame in frames)
    assert got == [0, 2]


def test_the_rate_never_exceeds_the_sources():
    assert Resampled(_Listed([0.0], 8.0), 17.0).fps == 8.0
    assert Resampled(_Listed([0.0], 30.0), 17.0).fps == 17.0


def test_another_rate_is_another_fingerprint():
    source = _Listed([0.0], 30.0)
    assert Resampled(source, 10.0).fingerprint != Resampled(source, 5.0).fingerprint
