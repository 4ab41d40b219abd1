"""What every FlowEstimator promises; a new one joins by one line in ESTIMATORS."""

from __future__ import annotations

import os
from collections.abc import Callable
from pathlib import Path

import cv2
import numpy as np
import pytest
import torch

from forecast.device import place
from forecast.flow.cache import CachedFlow
from forecast.flow.dis import DisFlow
from forecast.flow.raft import RaftFlow
from forecast.geometry.warp import warp_rgb
from forecast.stages import FlowEstimator
from forecast.values import Frame, Instant


def _raft() -> FlowEstimator:
    home = Path(__file__).resolve().parents[2].parent / "shared" / "data"
    weights = Path(os.environ.get("FORECAST_DATA", home)) / "weights" / "raft" / "raft-small.pth"
    if not weights.is_file():
        pytest.skip(f"no weights at {weights}")
    return RaftFlow(weights, placement=place("cpu", "float32"), num_updates=4)


ESTIMATORS: dict[str, Callable[[], FlowEstimator]] = {
    "dis-medium": DisFlow,
    "dis-fast": lambda: DisFlow("fast"),
    "cached": lambda: CachedFlow(DisFlow()),
    "raft-small": _raft,
}


@pytest.fixture(scope="module", params=ESTIMATORS)
def flow(request: pytest.FixtureRequest) -> FlowEstimator:
    return ESTIMATORS[request.param]()


def _textured(height: int, width: int) -> torch.Tensor:
    noise = np.random.default_rng(0).uniform(0, 255, (height, width, 3)).astype(np.float32)
    smooth = cv2.GaussianBlur(noise, (0, 0), 2)
    smooth = (smooth - smooth.mean()) * 6 + 128
    return torch.from_numpy(smooth.clip(0, 255).astype(np.uint8).transpose(2, 0, 1).copy())


def _frame(rgb: torch.Tensor, index: int) -> Frame:
    return Frame(at=Instant(clip="a", index=index, pts_s=index / 10), rgb=rgb.contiguous())


def test_it_is_a_flow_estimator(flow: FlowEstimator) -> None:
    assert isinstance(flow, FlowEstimator)
    assert flow.name


def test_moving_at_p_plus_flow_looks_like_reference(flow: FlowEstimator) -> None:
    scene = _textured(64, 96)
    reference, moving = scene[:, 4:60, 5:85], scene[:, 2:58, 8:88]
    found = flow(_frame(reference, 1), _frame(moving, 0))
    inner = found[:, 12:-12, 12:-12]
    assert inner[0].median() == pytest.approx(-3, abs=0.3)
    assert inner[1].median() == pytest.approx(2, abs=0.3)
    carried = warp_rgb(moving.contiguous(), found)
    error = (carried.float() - reference.float()).abs()[:, 12:-12, 12:-12].mean()
    before = (moving.float() - reference.float()).abs()[:, 12:-12, 12:-12].mean()
    assert error < 0.2 * before


@pytest.mark.parametrize("size_hw", [(32, 64), (37, 53)])
def test_the_flow_has_the_size_of_the_picture(
    flow: FlowEstimator, size_hw: tuple[int, int]
) -> None:
    rgb = _textured(*size_hw)
    found = flow(_frame(rgb, 2), _frame(rgb, 3))
    assert found.shape == (2, *size_hw)
    assert found.dtype == torch.float32
    assert found.device.type == "cpu"
    assert not found.requires_grad


def test_it_is_deterministic_and_leaves_its_input_alone(flow: FlowEstimator) -> None:
    rgb = _textured(32, 64)
    kept = rgb.clone()
    later = rgb.roll(1, dims=2)
    first = flow(_frame(rgb, 4), _frame(later, 5))
    assert torch.equal(flow(_frame(rgb, 4), _frame(later, 5)), first)
    assert torch.equal(rgb, kept)
