"""What a recording was made from and with; two recordings of equal manifests hold equal arrays.

Does not know how any of the hashes were made.
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import asdict, dataclass, field
from pathlib import Path

from forecast.errors import UsageError
from forecast.files import replace_file
from forecast.provenance import current_versions
from forecast.stages import Predictor, Refiner, Segmenter


def identity(stage: Segmenter | Refiner | Predictor | None) -> str:
    """Name, for people, then a hash of weights and settings; empty for none."""
    return "" if stage is None else f"{stage.name} {stage.fingerprint}"


@dataclass(frozen=True, slots=True, kw_only=True)
class Manifest:
    """Everything that the arrays of a recording depend on."""

    source: str
    """Hash of the source's content."""
    config: str
    """Hash of the resolved settings."""
    segmenter: str
    """What `identity` says of it."""
    refiner: str = ""
    """Likewise; empty without one."""
    predictor: str = ""
    """Likewise; empty without one."""
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
                found = _difference(name, was.get(name, "none"), now.get(name, "none"))
                raise UsageError(
                    f"{path.parent} was recorded with {found}; "
                    "resume with the same or choose another folder"
                )


def _difference(name: str, was: str, now: str) -> str:
    """In words, for a hash tells a person nothing."""
    if name == "source":
        return "another source: its frames, or their times (--fps), are not those of this run"
    if name == "config":
        return "another config: run.json beside it holds the settings"
    if name not in ("segmenter", "refiner", "predictor"):
        return f"{name} {was}, this run has {now}"
    was_called, now_called = was.partition(" ")[0], now.partition(" ")[0]
    if was_called != now_called:
        return f"{name} {was_called or 'none'}, this run has {now_called or 'none'}"
    return f"other weights or settings of the {name} {was_called} than this run has"
