"""Headless Chromium, offline but for this machine."""

from __future__ import annotations

import os
from pathlib import Path

import pytest

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
def browser():
    """One browser for all tests; skips where there is none, fails under CI."""
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
