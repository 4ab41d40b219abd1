"""Refiners from what a person types: NAME[:SETTING=NUMBER...][,NAME...]."""

from __future__ import annotations

import dataclasses
import json
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from forecast.errors import UsageError
from forecast.stages import FlowEstimator, Refiner

_FILE = "file"
"""The setting whose value is a file of the others."""
_EXAMPLE = '{"settings": {"srgb": 5}}'


@dataclass(frozen=True, slots=True, kw_only=True)
class _Kind:
    """One kind of refiner."""

    what: str
    settings: Callable[[], type]
    build: Callable[[Any, FlowEstimator], Refiner]


def _temporal_settings() -> type:
    from forecast.refinement.temporal import TemporalSettings

    return TemporalSettings


def _temporal(settings: Any, flow: FlowEstimator) -> Refiner:
    from forecast.refinement.temporal import Temporal

    return Temporal(flow, settings)


def _region_settings() -> type:
    from forecast.refinement.regions import RegionSettings

    return RegionSettings


def _regions(settings: Any, _: FlowEstimator) -> Refiner:
    from forecast.refinement.regions import SmallRegions

    return SmallRegions(settings)


def _crf_settings() -> type:
    from forecast.refinement.dense_crf import CrfSettings

    return CrfSettings


def _dense_crf(settings: Any, _: FlowEstimator) -> Refiner:
    from forecast.refinement.dense_crf import DenseCrf

    return DenseCrf(settings)


_TEMPORAL = _Kind(
    what="smoothed along optical flow from frame to frame",
    settings=_temporal_settings,
    build=_temporal,
)
_KINDS: Mapping[str, _Kind] = {
    "temporal": _TEMPORAL,
    "ema": dataclasses.replace(_TEMPORAL, what="the same as temporal"),
    "small-regions": _Kind(
        what="regions too small for an object take on what lies beside them",
        settings=_region_settings,
        build=_regions,
    ),
    "dense-crf": _Kind(
        what="a fully connected conditional random field over place and colour",
        settings=_crf_settings,
        build=_dense_crf,
    ),
}

REFINERS: Mapping[str, str] = {name: kind.what for name, kind in _KINDS.items()}
"""Name -> what it does."""


def build_refiner(names: Sequence[str], *, flow: FlowEstimator) -> Refiner | None:
    """The refiners of those names, one after the other; None of no name.

    Args:
        names: Keys of `REFINERS`, each perhaps with settings: `temporal:weight=0.5`,
            `dense-crf:file=crf.json:num_iterations=10`.
        flow: Of refiners that follow it.

    Raises:
        UsageError: No refiner has such a name or setting, or its value does not fit.
    """
    refiners = [_built(name, flow) for name in names]
    if len(refiners) < 2:
        return refiners[0] if refiners else None
    from forecast.refinement.chain import Chain

    return Chain(refiners)


def _built(text: str, flow: FlowEstimator) -> Refiner:
    name, *options = text.split(":")
    if name not in _KINDS:
        raise UsageError(f"no refiner is called {name!r}; known: {', '.join(_KINDS)}")
    kind = _KINDS[name]
    return kind.build(_settings(kind.settings(), name, options), flow)


def _settings(settings: type, name: str, options: Sequence[str]) -> Any:
    given: dict[str, Any] = {}
    for option in options:
        key, _, value = option.partition("=")
        if key == _FILE:
            given |= _from_file(Path(value))
        else:
            given[key.replace("-", "_")] = _number(name, key, value)
    known = {field.name: field for field in dataclasses.fields(settings)}
    strange = [key for key in given if key not in known]
    if strange:
        raise UsageError(
            f"{name} has no setting {', '.join(strange)}; known: {', '.join(known)}, or file=FILE"
        )
    for key, value in given.items():
        given[key] = _fitting(f"{name}:{key}", value, known[key].type)
    return settings(**given)


def _fitting(what: str, value: Any, kind: object) -> Any:
    """A value as the settings hold it: whole numbers, others, or rows of numbers."""
    if kind == "int":
        if not isinstance(value, int):
            raise UsageError(f"{what} is {value}; it must be a whole number")
        return value
    if isinstance(value, list):
        return tuple(tuple(map(float, row)) for row in value)
    return value if value is None else float(value)


def _number(name: str, key: str, value: str) -> int | float:
    try:
        return int(value)
    except ValueError:
        pass
    try:
        return float(value)
    except ValueError as fault:
        raise UsageError(
            f"{name}:{key}={value} is no number; write settings as {name}:setting=number"
        ) from fault


def _from_file(path: Path) -> dict[str, Any]:
    try:
        found = json.loads(path.read_text(encoding="utf-8"))
    except (OSError, ValueError) as fault:
        raise UsageError(
            f"{path} is no readable file of settings ({fault}); needed is JSON: {_EXAMPLE}"
        ) from fault
    if not isinstance(found, dict) or not isinstance(found.get("settings"), dict):
        raise UsageError(f"{path} has no `settings`; needed is JSON: {_EXAMPLE}")
    return found["settings"]
