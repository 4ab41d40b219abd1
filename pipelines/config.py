"""What each command can be told: one frozen dataclass a command, filled by flags and TOML alike.

Promises that unknown keys and bad values of a file are reported together, with their paths.
Imports nothing heavy, so that `forecast --help` answers at once.
"""

from __future__ import annotations

import dataclasses
import tomllib
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Annotated, Any, TypeVar, get_args, get_origin, get_type_hints

from cyclopts import Parameter, Token

from forecast.api.settings import EvaluateSettings, ModelSettings, ProcessSettings
from forecast.errors import UsageError

_Value = TypeVar("_Value", str, float)


def _split(kind: type[_Value], tokens: Sequence[Token]) -> tuple[_Value, ...]:
    return tuple(kind(part) for token in tokens for part in token.value.split(",") if part)


def _floats(_: Any, tokens: Sequence[Token]) -> tuple[float, ...]:
    return _split(float, tokens)


def _names(_: Any, tokens: Sequence[Token]) -> tuple[str, ...]:
    return _split(str, tokens)


def _size(_: Any, tokens: Sequence[Token]) -> tuple[int, int]:
    sides = tokens[0].value.lower().replace(",", "x").split("x")
    if len(sides) != 2 or not all(one.isdigit() and int(one) > 0 for one in sides):
        raise ValueError("needed is HEIGHTxWIDTH in pixels, such as 256x512")
    return int(sides[0]), int(sides[1])


Floats = Annotated[
    tuple[float, ...], Parameter(converter=_floats, n_tokens=1, accepts_keys=False, negative=())
]
"""Numbers divided by commas."""
Names = Annotated[
    tuple[str, ...], Parameter(converter=_names, n_tokens=1, accepts_keys=False, negative=())
]
"""Names divided by commas."""
Hidden = Annotated[Names, Parameter(show=False)]
"""The same for a file alone: the command line has them as arguments."""
Size = Annotated[
    tuple[int, int] | None,
    Parameter(converter=_size, n_tokens=1, accepts_keys=False, negative=(), metavar="HEIGHTxWIDTH"),
]
"""HEIGHTxWIDTH in pixels."""
Out = Annotated[Path, Parameter(name=["--out", "-o"])]
Switch = Annotated[bool, Parameter(negative=())]


@Parameter(name="*")
@dataclass(frozen=True, kw_only=True)
class ModelOptions(ModelSettings):
    """Which networks run, and where."""

    segmenter_size: Size = None
    refine: Names = ()


@Parameter(name="*")
@dataclass(frozen=True, kw_only=True)
class ProcessOptions(ProcessSettings):
    """What `forecast process` does."""

    segmenter_size: Size = None
    refine: Names = ()
    horizons: Floats = (0.18, 0.53)
    save: Names = ("recording", "overlay")
    resume: Switch = False


@Parameter(name="*")
@dataclass(frozen=True, kw_only=True)
class EvaluateOptions(EvaluateSettings):
    """What `forecast evaluate` does."""

    segmenter_size: Size = None
    refine: Names = ()
    predictors: Names = ()
    horizons: Floats = ()
    targets: Names = ()
    extras: Names = ()


def _fits(value: Any, hint: Any) -> bool:
    if get_origin(hint) is Annotated:
        hint = get_args(hint)[0]
    if get_origin(hint) is tuple:
        member = get_args(hint)[0]
        return isinstance(value, list) and all(_fits(entry, member) for entry in value)
    kinds = [kind for kind in (get_args(hint) or (hint,)) if kind is not type(None)]
    for kind in kinds:
        if get_origin(kind) is tuple and _fits(value, kind):
            return True
        if kind is Path and isinstance(value, str):
            return True
        if kind is float and isinstance(value, int | float) and not isinstance(value, bool):
            return True
        if isinstance(kind, type) and type(value) is kind:
            return True
    return False


def read_toml(path: Path, tables: dict[str, type]) -> dict[str, Any]:
    """A file's tables, one a command, ready to be overridden by flags.

    Args:
        path: A TOML file.
        tables: The settings class of each command; `train.predictor` is one within another.

    Raises:
        UsageError: Lists every unknown key and every value of the wrong type.
    """
    try:
        content = tomllib.loads(path.read_text(encoding="utf-8"))
    except (OSError, tomllib.TOMLDecodeError) as fault:
        raise UsageError(f"{path} is no readable TOML: {fault}") from fault
    faults: list[str] = []
    found: dict[str, Any] = {}
    for command, table in _commands(content, tables):
        if command not in tables:
            faults.append(f"[{command}] is no command; known: {', '.join(tables)}")
            continue
        faults += _table_faults(command, table, tables[command])
        _nested(found, command.split("."), table)
    if faults:
        raise UsageError(f"{path}: " + "; ".join(faults))
    return found


def _commands(content: dict[str, Any], tables: dict[str, type]) -> list[tuple[str, Any]]:
    """Each table by its command; `[train.predictor]` lies within `train`."""
    found: list[tuple[str, Any]] = []
    for name, table in content.items():
        if isinstance(table, dict) and any(key.startswith(f"{name}.") for key in tables):
            found += [(f"{name}.{inner}", value) for inner, value in table.items()]
        else:
            found.append((name, table))
    return found


def _table_faults(command: str, table: Any, settings: type) -> list[str]:
    if not isinstance(table, dict):
        return [f"{command} is {table!r}; it must be a table, [{command}]"]
    hints = get_type_hints(settings, include_extras=True)
    known = {field.name for field in dataclasses.fields(settings)}
    faults: list[str] = []
    for key, value in table.items():
        if key.replace("-", "_") not in known:
            faults.append(f"{command}.{key} is unknown; known: {', '.join(sorted(known))}")
        elif not _fits(value, hints[key.replace("-", "_")]):
            faults.append(f"{command}.{key} is {value!r}, of the wrong type")
    return faults


def _nested(found: dict[str, Any], path: Sequence[str], table: Any) -> None:
    for name in path[:-1]:
        found = found.setdefault(name, {})
    if isinstance(table, dict):
        found[path[-1]] = {key.replace("-", "_"): _flat(value) for key, value in table.items()}


def _flat(value: Any) -> Any:
    return ",".join(str(entry) for entry in value) if isinstance(value, list) else value
