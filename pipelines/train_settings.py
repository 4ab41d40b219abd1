"""What `forecast train` can be told. Imports nothing heavy."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

from cyclopts import Parameter

from pipelines.config import Names

TRAINABLE = (
    "flow-guided-small",
    "flow-guided-base",
    "s2s",
    "s2s-dil",
    "s2s-adv",
    "x2x",
    "conv-lstm",
)


@Parameter(name="*")
@dataclass(frozen=True, kw_only=True)
class TrainPredictorSettings:
    """What `forecast train predictor` does."""

    predictor: str = "flow-guided-small"
    """What learns: flow-guided-small, flow-guided-base, s2s, s2s-dil, s2s-adv, x2x or
    conv-lstm."""
    teacher: str | None = None
    """Segmenter that says what clips without annotation show; name from `forecast models`."""
    teacher_weights: Path | None = None
    """The teacher's weights."""
    held_out: Names = ()
    """Clips to choose the best weights by, not to learn from; the last clip if not given."""
    init: Path | None = None
    """Weights to start from."""
    steps: int = 1200
    """Batches."""
    batch: int = 8
    """Samples in a batch, on each process."""
    learning_rate: float = 3e-3
    """At its highest; it rises at first and falls along a cosine."""
    optimizer: str = "adamw"
    """adamw or sgd."""
    unroll: int = 1
    """Steps a one-step network is trained through, fed its own maps."""
    adversarial: float = 0.01
    """Weight of fooling the judge of s2s-adv."""
    width: float = 1.0
    """Channels of s2s, s2s-dil, s2s-adv and x2x as a share of the paper's; of conv-lstm, of 24."""
    score_every: int = 100
    """Steps between two looks at the held-out clips."""
    precision: str = "fp32"
    """fp32, or bf16 (autocast)."""
    device: str = "cpu"
    """cpu, cuda or cuda:N."""
    seed: int = 0
    """Of weights and of everything drawn."""
    fps: float | None = None
    """Frame rate of pictures that carry none."""

    def problems(self) -> list[str]:
        """What is wrong with the values, a line each."""
        faults: list[str] = []
        if self.predictor not in TRAINABLE:
            faults.append(f"predictor is {self.predictor!r}; known: {', '.join(TRAINABLE)}")
        counts = {name: getattr(self, name) for name in ("steps", "batch", "unroll", "score_every")}
        faults += [
            f"{name} is {count}; it must be at least 1"
            for name, count in counts.items()
            if count < 1
        ]
        if self.learning_rate <= 0 or self.width <= 0:
            faults.append("learning_rate and width must be above 0")
        return faults


@Parameter(name="*")
@dataclass(frozen=True, kw_only=True)
class TrainSegmenterSettings:
    """What `forecast train segmenter` does; the network is fast-scnn, for Cityscapes' classes."""

    teacher: str | None = None
    """Segmenter whose beliefs are learnt; annotation rules within them. Name from
    `forecast models`."""
    teacher_weights: Path | None = None
    """The teacher's weights."""
    held_out: Names = ()
    """Clips to choose the best weights by, not to learn from; the last clip if not given."""
    init: Path | None = None
    """Weights to start from."""
    every: int = 1
    """Take every N-th frame of each clip."""
    height: int = 256
    """Height that pictures are kept at while training; a multiple of 4."""
    steps: int = 3000
    """Batches."""
    batch: int = 8
    """Windows in a batch, on each process."""
    learning_rate: float = 2e-3
    """At its highest; it rises at first and falls along a cosine."""
    score_every: int = 250
    """Steps between two looks at the held-out clips."""
    precision: str = "fp32"
    """fp32, or bf16 (autocast)."""
    seed: int = 0
    """Of weights and of everything drawn."""
    fps: float | None = None
    """Frame rate of pictures that carry none."""

    def problems(self) -> list[str]:
        """What is wrong with the values, a line each."""
        counts = {name: getattr(self, name) for name in ("every", "steps", "batch", "score_every")}
        faults = [
            f"{name} is {count}; it must be at least 1"
            for name, count in counts.items()
            if count < 1
        ]
        if self.height < 64 or self.height % 4:
            faults.append(f"height is {self.height}; it must be a multiple of 4, 64 or more")
        if self.learning_rate <= 0:
            faults.append("learning_rate must be above 0")
        return faults
