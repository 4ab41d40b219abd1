"""Which bundled weights a wheel carries: all, or those alone whose own terms are permissive.

    FORECAST_WEIGHTS=permissive python -m build --wheel

leaves out every file of weights whose card does not begin with a permissive licence; the same
choice holds for the source archive. Reads cards with nothing but the standard library.
"""

from __future__ import annotations

import json
import os
import struct
from pathlib import Path
from typing import Any

from hatchling.builders.hooks.plugin.interface import BuildHookInterface

VARIABLE = "FORECAST_WEIGHTS"
CHOICES = ("all", "permissive")
PERMISSIVE = ("Apache-2.0", "MIT", "BSD", "CC0")
"""What the terms of weights that anyone may use for anything begin with."""


def terms_of(weights: Path) -> str:
    """The terms on the card of a safetensors file; empty if it carries no card."""
    with weights.open("rb") as file:
        (length,) = struct.unpack("<Q", file.read(8))
        header = json.loads(file.read(length))
    card = json.loads(header.get("__metadata__", {}).get("card", "{}"))
    return card.get("terms", "")


def left_out(root: Path, choice: str) -> list[str]:
    """Files below `root`, as it names them, that a wheel of that choice does not carry.

    Raises:
        ValueError: There is no such choice.
    """
    if choice not in CHOICES:
        raise ValueError(f"{VARIABLE} is {choice!r}; it must be one of {', '.join(CHOICES)}")
    if choice == "all":
        return []
    every = sorted((root / "forecast" / "weights").glob("*.safetensors"))
    bound = [path for path in every if not terms_of(path).startswith(PERMISSIVE)]
    return [path.relative_to(root).as_posix() for path in bound]


class CustomBuildHook(BuildHookInterface):
    """Tells the builder what to leave out, before it looks for files."""

    def initialize(self, version: str, build_data: dict[str, Any]) -> None:  # noqa: ARG002
        """Exclude what the environment's choice leaves out."""
        names = left_out(Path(self.root), os.environ.get(VARIABLE, "all"))
        self.build_config.target_config.setdefault("exclude", []).extend(f"/{one}" for one in names)
        for one in names:
            self.app.display_info(f"left out, by the terms on its card: {one}")
