"""What processing and evaluating can be told. Imports nothing heavy."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass, fields
from pathlib import Path
from typing import Any, Protocol, TypeVar, runtime_checkable

from forecast.errors import UsageError

SAVABLE = ("recording", "overlay", "labels", "soft")
TARGETS = ("truth", "segmenter", "unrefined")


@dataclass(frozen=True, kw_only=True)
class ModelSettings:
    """Which networks run, and where."""

    segmenter: str = "fddwnet-small"
    """Name from `forecast models`."""
    weights: Path | None = None
    """The segmenter's weights: a file, or a folder that holds them."""
    segmenter_size: tuple[int, int] | None = None
    """HEIGHTxWIDTH that the segmenter sees; its own default if not given."""
    refine: tuple[str, ...] = ()
    """What improves its maps, one after the other: names from `forecast models`, such as temporal
    or temporal:weight=0.5."""
    device: str = "auto"
    """auto, cpu, cuda, cuda:1, mps."""
    precision: str = "auto"
    """auto, float32 or bfloat16; auto is float32 on a CPU."""
    flow: str = "dis"
    """Optical flow that warps: dis, raft-small or raft-large."""
    flow_weights: Path | None = None
    """RAFT's weights, a file."""

    def problems(self) -> list[str]:
        """What is wrong with the values, a line each."""
        faults: list[str] = []
        if self.precision not in ("auto", "float32", "bfloat16"):
            faults.append(f"precision is {self.precision!r}; it must be auto, float32 or bfloat16")
        return faults


def horizon_problems(horizons: Sequence[float]) -> list[str]:
    """What is wrong with times ahead in seconds, a line each."""
    # Written so that a NaN, which is neither above nor below, is found.
    faults = [
        f"horizon {value} s is not ahead of now" for value in horizons if not 0 < value < math.inf
    ]
    if not horizons:
        faults.append("horizons is empty; name at least one, such as 0.18")
    if not faults and list(horizons) != sorted(set(horizons)):
        faults.append(f"horizons must rise without repeats: {list(horizons)}")
    return faults


@dataclass(frozen=True, kw_only=True)
class ProcessSettings(ModelSettings):
    """How videos are processed."""

    predictor: str = "auto"
    """Name from `forecast models`; auto is flow-guided-small with segmenters that it loses nothing
    with on drives it did not learn from, flow-warp-blend with all others."""
    predictor_weights: Path | None = None
    """The predictor's weights, if not the bundled ones."""
    horizons: tuple[float, ...] = (0.18, 0.53)
    """Seconds ahead."""
    batch_size: int = 4
    """Frames segmented together."""
    every: int = 1
    """Forecast from every N-th frame."""
    save: tuple[str, ...] = ("recording", "overlay")
    """Any of recording, overlay, labels, soft."""
    resume: bool = False
    """Go on with a run that was stopped; the result is the same to the byte."""
    fps: float | None = None
    """Frame rate of image sequences."""

    def problems(self) -> list[str]:
        """What is wrong with the values, a line each."""
        faults = ModelSettings.problems(self) + horizon_problems(self.horizons)
        if self.batch_size < 1:
            faults.append(f"batch_size is {self.batch_size}; it must be at least 1")
        if self.every < 1:
            faults.append(f"every is {self.every}; it must be at least 1")
        unknown = [name for name in self.save if name not in SAVABLE]
        if unknown:
            faults.append(f"save has {', '.join(unknown)}; known: {', '.join(SAVABLE)}")
        if self.fps is not None and self.fps <= 0:
            faults.append(f"fps is {self.fps}; it must be above 0")
        return faults


@dataclass(frozen=True, kw_only=True)
class EvaluateSettings(ModelSettings):
    """How predictors are evaluated."""

    predictors: tuple[str, ...] = ()
    """Names from `forecast models`; all reference rows and the bundled predictors if not given."""
    predictor_weights: Path | None = None
    """Weights for the one predictor that is named."""
    frame_segmenter: str | None = None
    """Segmenter of the frames-then-segment row when the input is annotations."""
    horizons: tuple[float, ...] = ()
    """Seconds ahead; what the data set's protocol reports if not given; 0 scores the segmenter."""
    targets: tuple[str, ...] = ()
    """truth, segmenter, and with refine also unrefined, what the network alone says; truth and
    segmenter where the data allows if not given."""
    inputs: str = "native"
    """native: also the source frame before the origin; published: only the strided inputs."""
    split: str | None = None
    """Split of the data set; its `val` if not given."""
    every: int = 1
    """Take every N-th origin."""
    extras: tuple[str, ...] = ()
    """Further scores: accuracy, per-image, calibration, boundaries, boundary-f, disocclusion,
    flicker, components, latency, or all; docs/report.md says what each is."""
    fps: float | None = None
    """Frame rate of image sequences."""

    def problems(self) -> list[str]:
        """What is wrong with the values, a line each."""
        faults = ModelSettings.problems(self)
        if self.horizons and self.horizons != (0.0,):
            faults += horizon_problems(self.horizons)
        if self.inputs not in ("native", "published"):
            faults.append(f"inputs is {self.inputs!r}; it must be native or published")
        if self.refine and self.segmenter == "annotations":
            faults.append("refine improves a network's maps; annotations are exact")
        unknown = [name for name in self.targets if name not in TARGETS]
        if unknown:
            faults.append(f"targets has {', '.join(unknown)}; known: {', '.join(TARGETS)}")
        if self.predictor_weights is not None and len(self.predictors) != 1:
            faults.append("predictor_weights needs exactly one name in predictors")
        if self.every < 1:
            faults.append(f"every is {self.every}; it must be at least 1")
        return faults


@runtime_checkable
class _Told(Protocol):
    def problems(self) -> list[str]: ...


_ToldT = TypeVar("_ToldT", bound=_Told)


def checked(settings: _ToldT) -> _ToldT:
    """The settings, unless something is wrong with them.

    Raises:
        UsageError: Lists every bad value.
    """
    faults = settings.problems()
    if faults:
        raise UsageError("; ".join(faults))
    return settings


def resolved(settings: Any) -> dict[str, Any]:
    """Settings as plain values, for the record that every output folder holds."""
    return {one.name: _plain(getattr(settings, one.name)) for one in fields(settings)}


def _plain(value: Any) -> Any:
    if isinstance(value, tuple):
        return [_plain(entry) for entry in value]  # pyright: ignore[reportUnknownVariableType]
    return str(value) if isinstance(value, Path) else value
