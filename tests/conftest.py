"""Fixtures that every room shares."""

from __future__ import annotations

import os
from pathlib import Path

import pytest
import torch

_ROOT = Path(__file__).resolve().parents[1]
_CHROMIUM = Path(os.environ.get("CHROMIUM", "/usr/bin/chromium"))
_ARGS = [
    "--no-sandbox",
    "--disable-gpu",
    "--disable-quic",
    "--no-first-run",
    "--disable-background-networking",
    "--disable-component-update",
    "--disable-sync",
]


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
    """Every test must hold for every seed; FORECAST_TEST_SEED tries another."""
    torch.manual_seed(int(os.environ.get("FORECAST_TEST_SEED", "0")))


def pytest_runtest_setup(item: pytest.Item) -> None:
    """Skips `gpu` tests without a GPU; a job that promises one by FORECAST_GPU must have it."""
    if item.get_closest_marker("gpu") is None or torch.cuda.is_available():
        return
    if os.environ.get("FORECAST_GPU"):
        pytest.fail("FORECAST_GPU promises a CUDA device and torch finds none")
    pytest.skip("needs a CUDA device")


@pytest.fixture(scope="session")
def browser():
    """One headless Chromium for all tests; skips where there is none, fails under CI."""
    playwright = pytest.importorskip("playwright.sync_api")
    if not _CHROMIUM.is_file():
        message = f"no browser at {_CHROMIUM}; set CHROMIUM to one"
        if os.environ.get("CI"):
            pytest.fail(message)
        pytest.skip(message)
    with playwright.sync_playwright() as started:
        running = started.chromium.launch(executable_path=str(_CHROMIUM), args=_ARGS)
        yield running
        running.close()
