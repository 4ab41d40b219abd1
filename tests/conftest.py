"""Fixtures that every room shares."""

from __future__ import annotations

import os
from pathlib import Path

import pytest
import torch

_ROOT = Path(__file__).resolve().parents[1]


@pytest.fixture(scope="session")
def real_data() -> Path:
    """The folder of real recordings; skips where there is none, fails under CI."""
    folder = Path(os.environ.get("FORECAST_DATA", _ROOT.parent / "shared" / "data"))
    if not folder.is_dir():
        message = f"no real data at {folder}; set FORECAST_DATA to the folder that holds camvid/"
        if os.environ.get("CI"):
            pytest.fail(message)
        pytest.skip(message)
    return folder


@pytest.fixture(autouse=True)
def _seeded() -> None:
    torch.manual_seed(0)


def pytest_runtest_setup(item: pytest.Item) -> None:
    """Skips `gpu` tests without a GPU; a job that promises one by FORECAST_GPU must have it."""
    if item.get_closest_marker("gpu") is None or torch.cuda.is_available():
        return
    if os.environ.get("FORECAST_GPU"):
        pytest.fail("FORECAST_GPU promises a CUDA device and torch finds none")
    pytest.skip("needs a CUDA device")
