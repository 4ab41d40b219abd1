"""What a training run can be told. Imports nothing heavy."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

from forecast.prediction.networks import TRAINABLE
from forecast.segmentation import trainable as segmenters

FLOWS = ("dis", "exact")
BUNDLED = "bundled"
"""In the place of a teacher's weights: those that ship."""
# Who judges maps and what it sees: training/tasks/map_judge.py.
JUDGES = ("large", "small", "large-light", "small-light")
SIGHTS = ("product", "basic", "scaling")


@dataclass(frozen=True, kw_only=True)
class RunSettings:
    """What every training run can be told."""

    data: tuple[str, ...] = ()
    """What to learn from where the command line names nothing: as there, DATA[@FPS][=WEIGHT]; a
    name that is not here is looked for below FORECAST_DATA."""
    teacher: tuple[str, ...] = ()
    """Segmenters whose beliefs are learnt, or the mean of them; names from `forecast models`."""
    teacher_weights: tuple[str, ...] = ()
    """The weights of each, in order, `bundled` for those that ship; looked for below FORECAST_DATA
    if they are not here."""
    held_out: tuple[str, ...] = ()
    """Clips to choose the best weights by, not to learn from; the last clip if not given."""
    without: tuple[str, ...] = ()
    """Clips to leave out, by patterns of their names such as 0016E5*."""
    init: Path | None = None
    """Weights to start from."""
    steps: int = 1200
    """Batches."""
    batch: int = 8
    """Samples in a batch, on each process."""
    learning_rate: float = 2e-3
    """At its highest; it rises at first and falls along a cosine."""
    optimizer: str = "adamw"
    """adamw or sgd."""
    weight_decay: float = 1e-4
    """How strongly weights are drawn to 0."""
    average: float = 0.995
    """Decay of the running mean of weights that is scored and kept; 0 keeps the weights as is."""
    score_every: int = 100
    """Steps between two looks at the held-out clips."""
    precision: str = "fp32"
    """fp32, or bf16 (autocast)."""
    device: str = "cpu"
    """cpu, cuda or cuda:N; cuda is one GPU for each process under torchrun."""
    seed: int = 0
    """Of weights and of everything drawn."""
    fps: float | None = None
    """Frame rate of pictures that carry none."""

    def problems(self) -> list[str]:
        """What is wrong with the values, a line each."""
        counts = {name: getattr(self, name) for name in ("steps", "batch", "score_every")}
        faults = [_too_few(name, count) for name, count in counts.items() if count < 1]
        if self.teacher_weights and len(self.teacher_weights) != len(self.teacher):
            files, names = len(self.teacher_weights), len(self.teacher)
            faults.append(f"teacher_weights are {files} for {names} teachers; give each its own")
        if self.learning_rate <= 0:
            faults.append(f"learning_rate is {self.learning_rate}; it must be above 0")
        if not 0 <= self.average < 1:
            faults.append(f"average is {self.average}; it must be at least 0 and below 1")
        if self.optimizer not in ("adamw", "sgd"):
            faults.append(f"optimizer is {self.optimizer!r}; it must be adamw or sgd")
        if self.precision not in ("fp32", "bf16"):
            faults.append(f"precision is {self.precision!r}; it must be fp32 or bf16")
        return faults


@dataclass(frozen=True, kw_only=True)
class PredictorRun(RunSettings):
    """What a predictor learns from, and how."""

    predictor: str = "flow-guided-small"
    """What learns: flow-guided-small, flow-guided-base, flow-rollout-small, s2s, s2s-dil, s2s-adv,
    x2x or conv-lstm."""
    learning_rate: float = 3e-3
    """At its highest; it rises at first and falls along a cosine."""
    apart: bool = False
    """Learn from the maps of each teacher by itself, not from their mean; clips are then named
    CLIP~TEACHER."""
    flow: str = "dis"
    """What flow-guided networks are shown: dis, or exact where rendered streets carry it (dis
    elsewhere)."""
    unroll: int = 1
    """Steps a one-step network or a roll-out is trained through, fed its own forecasts."""
    window: tuple[int, int] | None = None
    """HEIGHTxWIDTH of what is seen of the grid at once; if not given, three quarters of it, or all
    of it for one-step networks."""
    zoom_share: float = 0.4
    """How often a one-step network sees a run enlarged."""
    jaccard: float = 0.0
    """Weight of a one-step network's soft Jaccard loss; 0 as published."""
    shuffled: float = 0.0
    """Share of runs in which a one-step network sees classes change places; 0 as published."""
    adversarial: float = 0.01
    """Weight of fooling the judge of s2s-adv."""
    width: float = 1.0
    """Channels of s2s, s2s-dil, s2s-adv and x2x as a share of the paper's; of conv-lstm, of 24."""

    def problems(self) -> list[str]:
        """What is wrong with the values, a line each."""
        faults = RunSettings.problems(self)
        if self.apart and len(set(self.teacher)) < max(2, len(self.teacher)):
            faults.append("apart needs two teachers or more, each once")
        if self.predictor not in TRAINABLE:
            faults.append(f"predictor is {self.predictor!r}; known: {', '.join(TRAINABLE)}")
        if self.flow not in FLOWS:
            faults.append(f"flow is {self.flow!r}; it must be dis or exact")
        if self.unroll < 1:
            faults.append(_too_few("unroll", self.unroll))
        for name in ("zoom_share", "shuffled"):
            if not 0 <= getattr(self, name) <= 1:
                faults.append(f"{name} is {getattr(self, name)}; it must lie within 0 and 1")
        if self.window is not None and (min(self.window) < 8 or any(s % 8 for s in self.window)):
            height, width = self.window
            faults.append(f"window is {height}x{width}; its sides must be multiples of 8")
        if self.width <= 0:
            faults.append(f"width is {self.width}; it must be above 0")
        return faults


@dataclass(frozen=True, kw_only=True)
class SegmenterRun(RunSettings):
    """What a segmenter learns from, and how.

    A teacher's beliefs are kept to what annotation allows.
    """

    network: str = "fast-scnn"
    """What learns: fast-scnn, fddwnet-small, unet, scnet, scnet-transposed, deeplab, deeplab-vgg,
    deeplab-vgg-aspp, dilation10, dilation8, dilation8-large, dilation7 or icnet."""
    width: float = 1.0
    """Channels as a share of the published ones (of fast-scnn, of the bundled one's)."""
    norm: bool = True
    """Batch norms also where the paper has none (unet, dilation and deeplab-vgg), which learn
    little from nothing without them."""
    mirrored: bool = False
    """Valid convolutions on a mirrored border, as unet and dilation were published: of a small
    picture several times the work."""
    trunk: Path | None = None
    """torchvision's weights of VGG16 (dilation, deeplab-vgg) or ResNet-101 (deeplab) to start
    from, or FDDWNet's (fddwnet-small); without --no-norm VGG16's must have batch norms."""
    space: str | None = None
    """What is learnt: own (the data set's classes), or a label space such as cityscapes; if not
    given, cityscapes with a teacher and own without."""
    elastic: bool = False
    """Bend pictures as U-Net's training did."""
    adversarial: float = 0.0
    """Weight of fooling a judge of the maps (Luc 2016); 0 trains none."""
    judge: str = "large"
    """How much the judge sees at once: large, small, large-light or small-light."""
    judge_sees: str = "product"
    """What it sees: product (each class's share of the colours), basic (maps alone) or scaling
    (maps, the true ones softened)."""
    every: int = 1
    """Take every N-th frame of each clip."""
    height: int = 256
    """Height that pictures are kept at while training; a multiple of 4."""
    steps: int = 3000
    """Batches."""
    score_every: int = 250
    """Steps between two looks at the held-out clips."""

    def problems(self) -> list[str]:
        """What is wrong with the values, a line each."""
        faults = RunSettings.problems(self)
        if self.every < 1:
            faults.append(_too_few("every", self.every))
        if self.height < 64 or self.height % 4:
            faults.append(f"height is {self.height}; it must be a multiple of 4, 64 or more")
        if self.adversarial < 0:
            faults.append(f"adversarial is {self.adversarial}; it must be at least 0")
        for name, known in (("judge", JUDGES), ("judge_sees", SIGHTS)):
            if (value := getattr(self, name)) not in known:
                faults.append(f"{name} is {value!r}; known: {', '.join(known)}")
        return faults + self._network_problems()

    def _network_problems(self) -> list[str]:
        if self.network not in segmenters.TRAINABLE:
            known = ", ".join(segmenters.TRAINABLE)
            return [f"network is {self.network!r}; known: {known}"]
        row, faults = segmenters.TRAINABLE[self.network], list[str]()
        if self.width <= 0:
            faults.append(f"width is {self.width}; it must be above 0")
        if not self.norm and "norm" not in row.takes:
            faults.append(f"norm is off; {self.network} has batch norms, leave it out")
        if self.mirrored and "mirrored" not in row.takes:
            faults.append(f"mirrored is on; {self.network} has no such form, leave it out")
        if self.trunk is not None and row.trunk is None and row.start is None:
            faults.append(f"trunk is {self.trunk}; {self.network} starts from none, leave it out")
        if self.trunk is not None and self.width != 1:
            faults.append(f"width is {self.width}; with a trunk it must be 1")
        return faults

    def options(self) -> segmenters.NetworkOptions:
        """How the network departs from the published one."""
        row = segmenters.TRAINABLE[self.network]
        return segmenters.NetworkOptions(
            width=self.width,
            norm=self.norm,
            mirrored=self.mirrored,
            torchvision_trunk=self.trunk is not None and "torchvision_trunk" in row.takes,
        )


def _too_few(name: str, count: int) -> str:
    return f"{name} is {count}; it must be at least 1"
