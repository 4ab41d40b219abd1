"""What a recording was made from and with; two recordings of equal manifests hold equal arrays.

Does not know how any of the hashes were made.
"""

from __future__ import annotations

import json
import platform
from collections.abc import Mapping
from dataclasses import asdict, dataclass, field
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path

from forecast.errors import UsageError
from forecast.files import replace_file

_PACKAGES = (
    "segmentation-forecast",
    "torch",
    "torchvision",
    "av",
    "numpy",
    "opencv-python-headless",
    "zarr",
)


def current_versions() -> dict[str, str]:
    """Versions of Python and of each package that can change a result."""
    found = {"python": platform.python_version()}
    for package in _PACKAGES:
        try:
            found[package] = version(package)
        except PackageNotFoundError:
            found[package] = "none"
    return found


@dataclass(frozen=True, slots=True, kw_only=True)
class Manifest:
    """Everything that the arrays of a recording depend on."""

    source: str
    """Hash of the source's content."""
    config: str
    """Hash of the resolved settings."""
    segmenter: str
    """Hash of weights and settings."""
    refiner: str = ""
    """Hash of weights and settings; empty without one."""
    predictor: str = ""
    """Hash of weights and settings; empty without one."""
    device: str
    precision: str
    versions: Mapping[str, str] = field(default_factory=current_versions)

    def to_json(self) -> str:
        """The manifest as it lies beside the arrays."""
        return json.dumps(asdict(self), indent=2, sort_keys=True) + "\n"

    def flat(self) -> dict[str, str]:
        """Each field by its name, each version by `versions.<package>`."""
        whole = asdict(self)
        versions: dict[str, str] = whole.pop("versions")
        return whole | {f"versions.{name}": value for name, value in versions.items()}

    def save(self, path: Path) -> None:
        """Write it, whole or not at all."""
        replace_file(path, self.to_json().encode())

    def check_same(self, path: Path) -> None:
        """Nothing, where a saved manifest equals this one.

        Raises:
            UsageError: It differs or cannot be read; names the first field that does.
        """
        try:
            saved = Manifest(**json.loads(path.read_text()))
        except (ValueError, TypeError) as fault:
            raise UsageError(
                f"{path} is no manifest of a recording; choose another folder"
            ) from fault
        was, now = saved.flat(), self.flat()
        for name in sorted(was | now):
            if was.get(name) != now.get(name):
                raise UsageError(
                    f"{path.parent} was recorded with {name} {was.get(name, 'none')}, this run has "
                    f"{now.get(name, 'none')}; resume with the same or choose another folder"
                )
