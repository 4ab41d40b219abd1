"""What an output folder says of how it was made: settings, commit, versions, machine."""

from __future__ import annotations

import json
import os
import platform
import subprocess
from collections.abc import Mapping
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path
from typing import Any

from forecast.files import replace_file, storage_faults

_PACKAGES = (
    "segmentation-forecast",
    "torch",
    "torchvision",
    "av",
    "numpy",
    "opencv-python-headless",
    "zarr",
)


def commit() -> str:
    """The commit of this checkout, `+` if it was changed; `installed` from a wheel."""
    here = Path(__file__).resolve().parents[1]
    if not (here / ".git").exists():
        return "installed"
    head = _git(here, "rev-parse", "--short=12", "HEAD")
    return head + ("+" if _git(here, "status", "--porcelain", "--untracked-files=no") else "")


def _git(folder: Path, *words: str) -> str:
    try:
        done = subprocess.run(
            ["git", "-C", str(folder), *words], capture_output=True, text=True, check=True
        )
    except (OSError, subprocess.CalledProcessError):
        return ""
    return done.stdout.strip()


def machine() -> dict[str, str]:
    """What the times of this run were measured on."""
    import torch

    gpu = torch.cuda.get_device_name() if torch.cuda.is_available() else "none"
    return {
        "system": f"{platform.system()} {platform.machine()}",
        "cores": str(os.cpu_count()),
        "gpu": gpu,
    }


def current_versions() -> dict[str, str]:
    """Versions of Python and of each package that can change a result."""
    found = {"python": platform.python_version()}
    for package in _PACKAGES:
        try:
            found[package] = version(package)
        except PackageNotFoundError:
            found[package] = "none"
    return found


def made_with(config: Mapping[str, Any]) -> dict[str, Any]:
    """What every output folder records of a run: its settings, commit, versions and machine.

    Args:
        config: The settings as plain values.
    """
    return {
        "config": dict(config),
        "commit": commit(),
        "versions": current_versions(),
        "machine": machine(),
    }


def write_json(path: Path, content: Any) -> None:
    """Write a file that is either whole or not there.

    Raises:
        StorageError: The folder cannot be made or written.
    """
    text = json.dumps(content, indent=2, sort_keys=True) + "\n"
    with storage_faults(path):
        path.parent.mkdir(parents=True, exist_ok=True)
        replace_file(path, text.encode())
