"""What can be asked of times and strides: one rounding, wherever it is asked."""

from __future__ import annotations

import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st

from forecast.engine.windows import Windows
from forecast.evaluation.protocol import horizon_frames, origins_common
from forecast.labels import CITYSCAPES
from forecast.training.data.clips import Clip
from forecast.training.data.evenly import EvenDrawer
from forecast.values import (
    Frame,
    History,
    Instant,
    Observation,
    Segmentation,
    likeliest,
    num_frames_in,
    num_stride_frames,
)

RATES = st.sampled_from(
    [1.0, 8.0, 8.33, 9.97, 10.0, 12.0, 12.5, 15.0, 17.0, 25.0, 29.97, 30.0, 50.0]
)


@pytest.mark.parametrize(
    ("fps", "step_s", "frames"),
    [(17.0, 3 / 17, 3), (15.0, 0.176, 3), (25.0, 0.176, 4), (2.0, 0.176, 1), (1.0, 0.176, 1)],
)
def test_a_stride_is_the_nearest_whole_number_of_frames_and_at_least_one(fps, step_s, frames):
    assert num_stride_frames(step_s, 1 / fps) == frames


@given(RATES, st.integers(0, 200))
def test_half_a_frame_goes_to_the_even_side_whatever_the_noise(fps, whole):
    duration_s = (whole + 0.5) / fps
    assert num_frames_in(duration_s, 1 / fps) == whole + whole % 2


@given(RATES, st.floats(0.01, 3.0))
def test_the_protocol_rounds_as_it_always_did(fps, horizon_s):
    """By the rate, twice: what the hashes of earlier reports stand for."""
    before = round(round(horizon_s * fps, 6))
    if before >= 1:
        assert horizon_frames(horizon_s, fps) == before


class _Header:
    def __init__(self, frame_s: float) -> None:
        self.frame_s, self.num_frames, self.grid_hw = frame_s, 10_000, (2, 2)


class _Clip(Clip):
    def __init__(self, frame_s: float) -> None:
        self.header = _Header(frame_s)  # pyright: ignore[reportAttributeAccessIssue]
        self.read: list[int] = []

    def soft(self, index: int) -> torch.Tensor:
        self.read.append(index)
        return torch.zeros(19, 2, 2)


def _observed(index: int, frame_s: float) -> Observation:
    at = Instant(clip="a", index=index, pts_s=index * frame_s)
    frame = Frame(at=at, rgb=torch.zeros(3, 2, 2, dtype=torch.uint8))
    probs = torch.full((19, 2, 2), 1 / 19)
    seen = Segmentation(at=at, space=CITYSCAPES, size_hw=(2, 2), probs=probs)
    return Observation(frame=frame, segmentation=seen)


def _window_stride(fps: float, step_s: float) -> int:
    windows = Windows(num_observations=2, step_s=step_s, frame_s=1 / fps)
    for index in range(1000):
        history: History | None = windows.push(_observed(index, 1 / fps))
        if history is not None:
            return index
    raise AssertionError("no history came")


@pytest.mark.parametrize("fps", [1.0, 8.0, 8.33, 10.0, 12.0, 15.0, 17.0, 25.0, 29.97, 30.0])
@pytest.mark.parametrize("step_s", [0.05, 0.1, 0.176, 3 / 17, 0.25, 0.5])
def test_windows_protocol_and_training_stride_alike(fps, step_s):
    stride = num_stride_frames(step_s, 1 / fps)
    assert _window_stride(fps, step_s) == stride
    first, *_ = origins_common(
        num_frames=1000, fps=fps, horizons_s=(2.0,), step_s=step_s, num_inputs=2
    )
    assert first == stride
    clip = _Clip(1 / fps)
    EvenDrawer([clip], [1.0], length=2, step_s=step_s, window_hw=(2, 2)).draw(torch.Generator())
    assert clip.read[1] - clip.read[0] == stride


@pytest.mark.parametrize("num_classes", [1, 2, 19, 255])
def test_the_likeliest_class_is_that_of_argmax_and_of_equal_ones_the_first(num_classes):
    generator = torch.Generator().manual_seed(num_classes)
    probs = torch.randint(0, 4, (num_classes, 8, 16), generator=generator).float()
    assert torch.equal(likeliest(probs), probs.argmax(0).byte())
    assert torch.equal(likeliest(probs.half()), probs.argmax(0).byte())
