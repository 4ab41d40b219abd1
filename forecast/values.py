"""What passes between stages: frozen values, and the few questions that can be asked of them.

Values that hold tensors are equal only to themselves, so that they can be compared and be keys.
Does not know where frames come from or what predicts them.
Axes: K classes, H W picture, h w a network's grid.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, fields
from typing import Any

import torch
from jaxtyping import Float, UInt8, UInt16
from torch import Tensor

from forecast.labels import LabelSpace

STRIDE_S = 3 / 17
"""Time between observations in the Cityscapes protocol: three frames at 17 Hz."""


def num_frames_in(duration_s: float, frame_s: float) -> int:
    """The nearest whole number of source frames, half a frame to the even side."""
    # Rounded twice: 2.4999999999999996 frames are two and a half; noise must not decide on a half.
    return round(round(duration_s / frame_s, 6))


def num_stride_frames(step_s: float, frame_s: float) -> int:
    """Source frames from one observation to the next where `step_s` is wanted; at least one."""
    return max(1, num_frames_in(step_s, frame_s))


def likeliest(probs: Float[Tensor, "K h w"]) -> UInt8[Tensor, "h w"] | UInt16[Tensor, "h w"]:
    """The likeliest class of every cell; of equal ones the first.

    What `argmax` says, from two maxima: its own takes seven times as long where the axis is the
    outermost one (19 x 136 x 240 and 19 x 256 x 512, one CPU thread).
    """
    num_classes = len(probs)
    if num_classes > 255:
        return probs.argmax(0).to(torch.uint16)
    # The first class has the largest code.
    codes = torch.arange(num_classes, 0, -1, dtype=torch.uint8, device=probs.device)
    best = (probs == probs.amax(0)) * codes[:, None, None]  # K h w
    return num_classes - best.amax(0)


def _described(value: Any) -> str:
    """The fields of a value in one line: of a tensor its type and shape, of a space its name."""
    shown = ", ".join(f"{one.name}={_short(getattr(value, one.name))}" for one in fields(value))
    return f"{type(value).__name__}({shown})"


def _short(value: Any) -> str:
    if isinstance(value, Tensor):
        return f"{str(value.dtype).removeprefix('torch.')}{list(value.shape)}"
    if isinstance(value, LabelSpace):
        return value.name
    return repr(value)


@dataclass(frozen=True, slots=True, kw_only=True)
class Instant:
    """When and where a frame was."""

    clip: str
    index: int
    """Position in decoded order, from 0."""
    pts_s: float
    """Presentation time in seconds from the clip's start."""
    epoch: int = 0
    """Which connection of a live source; no history spans two."""


@dataclass(frozen=True, slots=True, kw_only=True, eq=False, repr=False)
class Frame:
    """One picture."""

    def __repr__(self) -> str:
        return _described(self)

    at: Instant
    rgb: UInt8[Tensor, "3 H W"]
    """Full-range sRGB, 0 to 255, on the device that will use it."""

    @property
    def size_hw(self) -> tuple[int, int]:
        """Height and width in pixels."""
        return self.rgb.shape[-2], self.rgb.shape[-1]


@dataclass(frozen=True, slots=True, kw_only=True, eq=False, repr=False)
class Segmentation:
    """What every pixel of one frame is: either a network's belief or exact labels."""

    def __repr__(self) -> str:
        return _described(self)

    at: Instant
    space: LabelSpace
    size_hw: tuple[int, int]
    """Size of the picture that was segmented."""
    probs: Float[Tensor, "K h w"] | None = None
    """Class probabilities on the network's own output grid."""
    ids: UInt8[Tensor, "H W"] | UInt16[Tensor, "H W"] | None = None
    """True ids at full size, without void."""

    def __post_init__(self) -> None:
        if (self.probs is None) == (self.ids is None):
            raise ValueError("a Segmentation carries either probs or ids, and not both")

    @property
    def grid_hw(self) -> tuple[int, int]:
        """The grid it is known on: a network's own, or the picture for true ids."""
        known = self.exact if self.probs is None else self.probs
        return known.shape[-2], known.shape[-1]

    @property
    def belief(self) -> Float[Tensor, "K h w"]:
        """The probabilities, of a segmentation that carries them."""
        assert self.probs is not None, "exact labels carry no probabilities"
        return self.probs

    @property
    def exact(self) -> UInt8[Tensor, "H W"] | UInt16[Tensor, "H W"]:
        """The true ids, of a segmentation that carries them."""
        assert self.ids is not None, "a network's belief carries no true ids"
        return self.ids


@dataclass(frozen=True, slots=True, kw_only=True, eq=False, repr=False)
class LabelMap:
    """An annotation."""

    def __repr__(self) -> str:
        return _described(self)

    at: Instant
    space: LabelSpace
    ids: UInt8[Tensor, "H W"] | UInt16[Tensor, "H W"]
    """Class ids; the space's void id marks pixels that do not count."""


@dataclass(frozen=True, slots=True, kw_only=True, eq=False, repr=False)
class Observation:
    """A frame and what was seen in it."""

    def __repr__(self) -> str:
        return _described(self)

    frame: Frame
    segmentation: Segmentation


@dataclass(frozen=True, slots=True, kw_only=True, eq=False, repr=False)
class History:
    """What a predictor is given: evenly spaced observations of one clip, oldest first."""

    def __repr__(self) -> str:
        return _described(self)

    observations: tuple[Observation, ...]
    """The last one is the origin."""
    previous: Frame | None
    """The source frame just before the origin, for better flow; None at a clip's first frame or
    where the protocol withholds it."""
    stride_s: float
    """Time between observations."""
    frame_s: float
    """Time between source frames; horizons are served in whole multiples of it."""
    before: Segmentation | None = None
    """What was seen in `previous`, where that was segmented too."""

    def __post_init__(self) -> None:
        if self.before is not None and self.previous is None:
            raise ValueError("a History with a segmentation of its previous frame needs the frame")
        if not self.observations:
            raise ValueError("a History needs at least one observation")
        moments = [(one.frame.at.clip, one.frame.at.epoch) for one in self.observations]
        if len(set(moments)) != 1:
            raise ValueError(f"a History must not span clips or epochs: {sorted(set(moments))}")

    @property
    def origin(self) -> Instant:
        """The moment that horizons count from."""
        return self.observations[-1].frame.at

    def num_frames(self, horizon_s: float) -> int:
        """Source frames from the origin to a horizon."""
        return num_frames_in(horizon_s, self.frame_s)

    def served_s(self, horizon_s: float) -> float:
        """The true time of the source frame that a horizon means."""
        return self.num_frames(horizon_s) * self.frame_s

    def num_steps(self, horizon_s: float) -> int | None:
        """Strides from the origin to a horizon; None if it lies between two, or at the origin."""
        frames_per_stride = num_stride_frames(self.stride_s, self.frame_s)
        steps, rest = divmod(self.num_frames(horizon_s), frames_per_stride)
        return steps if rest == 0 and steps > 0 else None

    def pushed(self, observation: Observation) -> History:
        """The window one stride later: the newest enters, the oldest leaves, flow has no source."""
        return History(
            observations=(*self.observations[1:], observation),
            previous=None,
            stride_s=self.stride_s,
            frame_s=self.frame_s,
        )


@dataclass(frozen=True, slots=True, kw_only=True, eq=False, repr=False)
class Forecast:
    """A belief about one moment after the origin."""

    def __repr__(self) -> str:
        return _described(self)

    origin: Instant
    horizon_s: float
    """Time ahead as it was asked."""
    served_s: float
    """Time ahead that the belief is for: a whole number of source frames."""
    space: LabelSpace
    probs: Float[Tensor, "K h w"]
    """Class probabilities on the predictor's grid."""

    @property
    def labels(self) -> UInt8[Tensor, "h w"] | UInt16[Tensor, "h w"]:
        """The likeliest class of every grid cell."""
        return likeliest(self.probs)


@dataclass(frozen=True, slots=True, kw_only=True)
class Needs:
    """What a predictor must be given."""

    num_observations: int
    """Length of the history."""
    step_s: float
    """Stride it wants, in seconds; the nearest whole number of source frames is served."""
    previous: bool = False
    """Whether it uses the source frame just before the origin."""
    previous_seen: bool = False
    """Whether it also uses what was seen in that frame; it can do without."""


@dataclass(frozen=True, slots=True, kw_only=True, eq=False, repr=False)
class Step:
    """One frame's way through the pipeline: what is, and what will be."""

    def __repr__(self) -> str:
        return _described(self)

    frame: Frame
    segmentation: Segmentation
    forecast: Mapping[float, Forecast]
    """By horizon as it was asked; empty while the history is still too short."""
    latency_ms: Mapping[str, float]
    """Time spent in each stage, by stage name."""
    captured_unix_s: float | None = None
    """When the picture was taken, in seconds since 1970 by our clock; None if nobody knows."""
    wanted: bool = True
    """Whether forecasts were asked for from this frame."""

    @property
    def due_unix_s(self) -> Mapping[float, float]:
        """By horizon, when each forecast comes true; empty where nobody knows when it was taken."""
        if self.captured_unix_s is None:
            return {}
        return {
            horizon_s: self.captured_unix_s + one.served_s
            for horizon_s, one in self.forecast.items()
        }

    @property
    def warming_up(self) -> bool:
        """Whether the history is still too short to forecast from."""
        return self.wanted and not self.forecast
