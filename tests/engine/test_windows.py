"""Histories are evenly spaced in true time, of one clip and epoch, and bounded."""

from __future__ import annotations

import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st

from forecast.engine.windows import STARTUP_FRAMES, Windows, restart_index
from forecast.labels import CAMVID
from forecast.values import (
    Frame,
    History,
    Instant,
    Needs,
    Observation,
    Segmentation,
    num_stride_frames,
)

LAW = settings(deadline=None, max_examples=40)
_RGB = torch.zeros(3, 2, 4, dtype=torch.uint8)
_PROBS = torch.full((11, 1, 2), 1 / 11)


def observed(index: int, pts_s: float, clip: str = "a", epoch: int = 0) -> Observation:
    at = Instant(clip=clip, index=index, pts_s=pts_s, epoch=epoch)
    return Observation(
        frame=Frame(at=at, rgb=_RGB),
        segmentation=Segmentation(at=at, space=CAMVID, size_hw=(2, 4), probs=_PROBS),
    )


def indices(history: History | None) -> list[int] | None:
    return history and [one.frame.at.index for one in history.observations]


@pytest.mark.parametrize(
    ("fps", "stride"), [(17, 3), (15, 3), (25, 4), (30, 5), (10, 2), (5, 1), (1, 1)]
)
def test_stride_is_the_nearest_whole_number_of_frames(fps: int, stride: int) -> None:
    assert num_stride_frames(0.176, 1 / fps) == stride


@LAW
@given(
    fps=st.sampled_from([1, 10, 15, 17, 25, 29.97, 30, 60]),
    num=st.integers(1, 5),
    length=st.integers(1, 60),
    first=st.integers(0, 1000),
)
def test_at_a_constant_rate_the_strided_indices_before_the_origin_are_given(
    fps: float, num: int, length: int, first: int
) -> None:
    windows = Windows(num_observations=num, step_s=0.176, frame_s=1 / fps)
    n = max(1, round(0.176 * fps))
    for index in range(first, first + length):
        history = windows.push(observed(index, index / fps))
        wanted = [index - back * n for back in reversed(range(num))]
        assert indices(history) == (wanted if wanted[0] >= first else None)
        if history is not None:
            assert history.stride_s == pytest.approx(n / fps)
            assert history.origin.index == index
            assert (history.previous is None) == (index == first)
            assert history.previous is None or history.previous.at.index == index - 1
            assert (history.before and history.before.at) == (
                history.previous and history.previous.at
            )
        assert windows.num_kept <= (num - 1) * n + 2


@LAW
@given(data=st.data(), num=st.integers(1, 4))
def test_every_observation_lies_within_half_a_frame_of_its_place(
    data: st.DataObject, num: int
) -> None:
    gaps = data.draw(st.lists(st.floats(0.3, 3.0), min_size=5, max_size=40))
    windows = Windows(num_observations=num, step_s=0.2, frame_s=0.1)
    pts_s, seen = 0.0, []
    for index, gap in enumerate(gaps):
        pts_s += 0.1 * gap
        seen.append(pts_s)
        history = windows.push(observed(index, pts_s))
        places = [pts_s - 0.2 * back for back in reversed(range(num))]
        if history is None:
            missing = [min(abs(place - one) for one in seen) > 0.05 for place in places]
            assert any(missing) or len(set(places)) < num or _shared(places, seen)
            continue
        for place, one in zip(places, history.observations, strict=True):
            assert abs(one.frame.at.pts_s - place) <= 0.05 + 1e-12
        if history.previous is not None:
            assert abs(pts_s - 0.1 - history.previous.at.pts_s) <= 0.05 + 1e-12
        assert windows.num_kept <= 2 * (2 * num + 1)


def _shared(places: list[float], seen: list[float]) -> bool:
    nearest = [min(seen, key=lambda one, place=place: abs(one - place)) for place in places]
    return len(set(nearest)) < len(places)


@LAW
@given(runs=st.lists(st.tuples(st.sampled_from("ab"), st.integers(1, 12)), max_size=6))
def test_no_window_straddles_clips_or_epochs(runs: list[tuple[str, int]]) -> None:
    windows = Windows(num_observations=3, step_s=0.2, frame_s=0.1)
    for epoch, (clip, length) in enumerate(runs):
        for index in range(length):
            history = windows.push(observed(index, index / 10, clip, epoch))
            assert (history is not None) == (index >= 4)
            if history is not None:
                frames = [one.frame for one in history.observations]
                frames += [history.previous] if history.previous else []
                assert {(one.at.clip, one.at.epoch) for one in frames} == {(clip, epoch)}


def test_a_lost_frame_leaves_no_shifted_history() -> None:
    windows = Windows(num_observations=2, step_s=0.3, frame_s=0.1)
    kept = [index for index in range(12) if index != 5]
    given_from = [index for index in kept if windows.push(observed(index, index / 10)) is not None]
    assert given_from == [3, 4, 6, 7, 9, 10, 11]


def test_the_frame_before_the_origin_is_withheld_after_a_gap() -> None:
    windows = Windows(num_observations=1, step_s=0.3, frame_s=0.1)
    windows.push(observed(0, 0.0))
    history = windows.push(observed(2, 0.2))
    assert history is not None
    assert history.previous is None


def test_time_that_runs_backwards_begins_anew() -> None:
    windows = Windows(num_observations=2, step_s=0.1, frame_s=0.1)
    assert windows.push(observed(0, 0.0)) is None
    assert windows.push(observed(1, 0.1)) is not None
    assert windows.push(observed(2, 0.05)) is None
    assert windows.push(observed(3, 0.15)) is not None


def test_an_unknown_rate_is_the_median_of_the_first_timestamps() -> None:
    windows = Windows(num_observations=2, step_s=0.176)
    moments = [index / 30 + (0.004 if index % 2 else 0) for index in range(20)]
    moments[4:] = [one + 1 for one in moments[4:]]
    first = None
    for index, pts_s in enumerate(moments):
        history = windows.push(observed(index, pts_s))
        if index < STARTUP_FRAMES - 1:
            assert windows.frame_s is None
            assert history is None
        elif history is not None and first is None:
            first = index
            assert history.frame_s == pytest.approx(1 / 30, abs=0.005)
    assert first == 9
    windows.push(observed(0, 0.0, epoch=1))
    assert windows.frame_s is None


@LAW
@given(density=st.sampled_from([0.01, 0.1, 1.0, 5.0]))
def test_memory_is_bounded_even_where_frames_come_faster_than_promised(density: float) -> None:
    windows = Windows(num_observations=4, step_s=0.3, frame_s=0.1)
    for index in range(300):
        windows.push(observed(index, index * 0.1 * density))
        assert windows.num_kept <= 20


@LAW
@given(
    first=st.integers(0, 60),
    num=st.integers(1, 5),
    fps=st.sampled_from([10, 17, 30]),
    batch_size=st.integers(1, 6),
)
def test_begun_again_in_time_the_histories_are_the_same(
    first: int, num: int, fps: int, batch_size: int
) -> None:
    needs = Needs(num_observations=num, step_s=0.176, previous=True)
    start = restart_index(first, needs=needs, frame_s=1 / fps, batch_size=batch_size)
    assert start % batch_size == 0
    assert 0 <= start <= first
    made = []
    for begin in (0, start):
        windows = Windows(num_observations=num, step_s=0.176, frame_s=1 / fps)
        histories = [
            windows.push(observed(index, index / fps)) for index in range(begin, first + 3)
        ]
        made.append(
            [(indices(one), one and one.previous and one.previous.at) for one in histories[-3:]]
        )
    assert made[0] == made[1]


def test_without_a_predictor_only_the_micro_batch_is_begun_again() -> None:
    assert restart_index(70, needs=None, frame_s=0.1, batch_size=4) == 68
