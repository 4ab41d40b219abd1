"""A hash that says which predictor, with which settings, made a forecast."""

from __future__ import annotations

import hashlib
import json


def fingerprint_of(name: str, **settings: str | int | float) -> str:
    """SHA-256 over a predictor's name and everything its results depend on."""
    text = json.dumps([name, settings], sort_keys=True)
    return hashlib.sha256(text.encode()).hexdigest()
