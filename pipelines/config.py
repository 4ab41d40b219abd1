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

from forecast.errors import UsageError

_Value = TypeVar("_Value", str, float)


def _split(kind: type[_Value], tokens: Sequence[Token]) -> tuple[_Value, ...]:
    return tuple(kind(part) for token in tokens for part in token.value.split(",") if part)


def _floats(_: Any, tokens: Sequence[Token]) -> tuple[float, ...]:
    return _split(float, tokens)


def _names(_: Any, tokens: Sequence[Token]) -> tuple[str, ...]:
    return _split(str, tokens)


def _size(_: Any, tokens: Sequence[Token]) -> tuple[int, int]:
    height, width = tokens[0].value.lower().replace(",", "x").split("x")
    return int(height), int(width)


Floats = Annotated[
    tuple[float, ...], Parameter(converter=_floats, n_tokens=1, accepts_keys=False, negative=())
]
"""Numbers divided by commas."""
Names = Annotated[
    tuple[str, ...], Parameter(converter=_names, n_tokens=1, accepts_keys=False, negative=())
]
"""Names divided by commas."""
Size = Annotated[tuple[int, int] | None, Parameter(converter=_size, n_tokens=1, accepts_keys=False)]
"""HEIGHTxWIDTH in pixels."""
Out = Annotated[Path, Parameter(name=["--out", "-o"])]
Switch = Annotated[bool, Parameter(negative=())]

SAVABLE = ("recording", "overlay", "labels", "soft")
TARGETS = ("truth", "segmenter")


@dataclass(frozen=True, kw_only=True)
class ModelSettings:
    """Which networks run, and where."""

    segmenter: str = "fast-scnn"
    """Name from `forecast models`."""
    weights: Path | None = None
    """The segmenter's weights: a file, or a folder that holds them."""
    segmenter_size: Size = None
    """HEIGHTxWIDTH that the segmenter sees; its own default if not given."""
    device: str = "auto"
    """auto, cpu, cuda, cuda:1, mps."""
    precision: str = "auto"
    """auto, float32 or bfloat16; auto is float32 on a CPU."""
    batch_size: int = 4
    """Frames segmented together."""
    flow: str = "dis"
    """Optical flow that warps: dis, raft-small or raft-large."""
    flow_weights: Path | None = None
    """RAFT's weights, a file."""

    def problems(self) -> list[str]:
        """What is wrong with the values, a line each."""
        faults: list[str] = []
        if self.batch_size < 1:
            faults.append(f"batch_size is {self.batch_size}; it must be at least 1")
        if self.precision not in ("auto", "float32", "bfloat16"):
            faults.append(f"precision is {self.precision!r}; it must be auto, float32 or bfloat16")
        return faults


def _horizon_problems(horizons: Sequence[float]) -> list[str]:
    faults = [f"horizon {value} s is not ahead of now" for value in horizons if value <= 0]
    if not horizons:
        faults.append("horizons is empty; name at least one, such as 0.18")
    if list(horizons) != sorted(set(horizons)):
        faults.append(f"horizons must rise without repeats: {list(horizons)}")
    return faults


@Parameter(name="*")
@dataclass(frozen=True, kw_only=True)
class ProcessSettings(ModelSettings):
    """What `forecast process` does."""

    predictor: str = "auto"
    """Name from `forecast models`; auto is flow-guided-small for Cityscapes' classes, flow-warp for
    others."""
    predictor_weights: Path | None = None
    """The predictor's weights, if not the bundled ones."""
    horizons: Floats = (0.18, 0.53)
    """Seconds ahead."""
    every: int = 1
    """Forecast from every N-th frame."""
    save: Names = ("recording", "overlay")
    """Any of recording, overlay, labels, soft."""
    resume: Switch = False
    """Go on with a run that was stopped; the result is the same to the byte."""
    fps: float | None = None
    """Frame rate of image sequences."""

    def problems(self) -> list[str]:
        """What is wrong with the values, a line each."""
        faults = ModelSettings.problems(self) + _horizon_problems(self.horizons)
        if self.every < 1:
            faults.append(f"every is {self.every}; it must be at least 1")
        unknown = [name for name in self.save if name not in SAVABLE]
        if unknown:
            faults.append(f"save has {', '.join(unknown)}; known: {', '.join(SAVABLE)}")
        if self.fps is not None and self.fps <= 0:
            faults.append(f"fps is {self.fps}; it must be above 0")
        return faults


@Parameter(name="*")
@dataclass(frozen=True, kw_only=True)
class EvaluateSettings(ModelSettings):
    """What `forecast evaluate` does."""

    predictors: Names = ()
    """Names from `forecast models`; all reference rows and the bundled predictors if not given."""
    predictor_weights: Path | None = None
    """Weights for the one predictor that is named."""
    frame_segmenter: str | None = None
    """Segmenter of the frames-then-segment row when the input is annotations."""
    horizons: Floats = ()
    """Seconds ahead; what the data set's protocol reports if not given; 0 scores the segmenter."""
    targets: Names = ()
    """truth, segmenter; every one the data allows if not given."""
    inputs: str = "native"
    """native: also the source frame before the origin; published: only the strided inputs."""
    split: str | None = None
    """Split of the data set; its `val` if not given."""
    every: int = 1
    """Take every N-th origin."""
    fps: float | None = None
    """Frame rate of image sequences."""
    seed: int = 0
    """Of the bootstrap."""

    def problems(self) -> list[str]:
        """What is wrong with the values, a line each."""
        faults = ModelSettings.problems(self)
        if self.horizons and self.horizons != (0.0,):
            faults += _horizon_problems(self.horizons)
        if self.inputs not in ("native", "published"):
            faults.append(f"inputs is {self.inputs!r}; it must be native or published")
        unknown = [name for name in self.targets if name not in TARGETS]
        if unknown:
            faults.append(f"targets has {', '.join(unknown)}; known: {', '.join(TARGETS)}")
        if self.predictor_weights is not None and len(self.predictors) != 1:
            faults.append("predictor_weights needs exactly one name in predictors")
        if self.every < 1:
            faults.append(f"every is {self.every}; it must be at least 1")
        return faults


def checked(settings: Any) -> Any:
    """The settings, unless something is wrong with them.

    Raises:
        UsageError: Lists every bad value.
    """
    faults = settings.problems()
    if faults:
        raise UsageError("; ".join(faults))
    return settings


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


def resolved(settings: Any) -> dict[str, Any]:
    """Settings as plain values, for the record that every output folder holds."""
    return {
        field.name: _plain(getattr(settings, field.name)) for field in dataclasses.fields(settings)
    }


def _plain(value: Any) -> Any:
    if isinstance(value, tuple):
        return [_plain(entry) for entry in value]
    return str(value) if isinstance(value, Path) else value
