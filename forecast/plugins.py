"""Stages that other packages bring, through entry points.

A package that cannot be used is named in the error. Names that are built in cannot be taken.
"""

from __future__ import annotations

from collections.abc import Collection, Mapping
from dataclasses import dataclass
from importlib.metadata import EntryPoint, entry_points
from typing import Any, TypeVar

from forecast.errors import ForecastError, UsageError

SEGMENTERS, PREDICTORS = "forecast.segmenters", "forecast.predictors"
"""Groups of entry points: each a callable that takes what the catalogue's builders take."""

_Stage = TypeVar("_Stage")


@dataclass(frozen=True, slots=True, kw_only=True)
class Plugin:
    """One stage of another package."""

    name: str
    package: str
    entry: EntryPoint

    def built(self, stage: type[_Stage], **parts: Any) -> _Stage:
        """What its factory makes.

        Args:
            stage: The Protocol that it must fit.
            parts: What the factory is given, by keyword.

        Raises:
            UsageError: It cannot be imported, fails, or makes something else.
        """
        try:
            found = self.entry.load()(**parts)
        except ForecastError:
            raise
        except Exception as fault:
            raise UsageError(
                f"{self.name} of the package {self.package} cannot be used: "
                f"{type(fault).__name__}: {fault}"
            ) from fault
        if not isinstance(found, stage):
            raise UsageError(
                f"{self.name} of the package {self.package} made a {type(found).__name__}, needed "
                f"is a {stage.__name__} (forecast/stages.py); ask its makers"
            )
        return found


def plugins(group: str, *, taken: Collection[str]) -> Mapping[str, Plugin]:
    """What packages bring, by name.

    Args:
        group: `SEGMENTERS` or `PREDICTORS`.
        taken: Names that are built in.

    Raises:
        UsageError: A package takes a built-in name, or two packages take the same.
    """
    found: dict[str, Plugin] = {}
    for entry in entry_points(group=group):
        package = "unknown" if entry.dist is None else entry.dist.name
        rival = "what is built in" if entry.name in taken else None
        if entry.name in found and found[entry.name].entry.value != entry.value:
            rival = f"the package {found[entry.name].package}"
        if rival is not None:
            raise UsageError(
                f"the package {package} brings {entry.name}, a name of {rival}; uninstall it, or "
                "ask its makers for another name"
            )
        found[entry.name] = Plugin(name=entry.name, package=package, entry=entry)
    return found
