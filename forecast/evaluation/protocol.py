"""What a score means: which frames are read, from where forecasts start, what they are held to.

Promises that two results with one hash were asked the same question. Knows clips only by their
length, rate and annotated indices. Index means source index, from 0; a horizon is in seconds.
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field, fields
from typing import Literal

from forecast.errors import UsageError
from forecast.values import num_frames_in, num_stride_frames

RULES = 1
"""Raised whenever a change to this package changes a number."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Protocol:
    """Everything that a number depends on, apart from the predictor."""

    dataset: str
    split: str
    label_space: str
    """Scores are in this space's classes."""
    fps_by_clip: Mapping[str, float]
    """Frames a second of every clip that is scored."""
    horizons_s: tuple[float, ...]
    """Times ahead as they were asked, rising."""
    step_s: float
    """Stride wanted; the nearest whole number of source frames is served."""
    num_inputs: int
    inputs: Literal["native", "published"]
    """`published`: only the strided inputs. `native`: also the source frame before the origin."""
    origins: Literal["common", "anchored"]
    """`common`: every horizon from the same origins. `anchored`: back from each annotated frame."""
    targets: tuple[str, ...]
    """Any of `truth`, `segmenter` and `unrefined`."""
    segmenter: str
    segmenter_fingerprint: str
    every: int = 1
    """Every N-th origin of each clip is taken."""
    upsampling: str = "probabilities bilinear, then arg-max"
    drive_by_clip: Mapping[str, str] = field(default_factory=dict[str, str])
    """Which drive a clip is from, for intervals; a clip that is not named is its own drive."""

    def __post_init__(self) -> None:
        if not self.horizons_s or list(self.horizons_s) != sorted(set(self.horizons_s)):
            raise UsageError(
                f"horizons are {list(self.horizons_s)}; give at least one, rising, each once"
            )

    def described(self) -> dict[str, object]:
        """Every field and the version of the rules, ready for JSON."""
        plain: dict[str, object] = {"rules": RULES}
        for one in fields(self):
            value = getattr(self, one.name)
            if isinstance(value, tuple):
                value = list(value)
            plain[one.name] = dict(value) if isinstance(value, Mapping) else value
        return plain

    @property
    def hash(self) -> str:
        """16 hex digits of the SHA-256 of the canonical JSON."""
        text = json.dumps(self.described(), sort_keys=True, separators=(",", ":"))
        return hashlib.sha256(text.encode()).hexdigest()[:16]

    def in_words(self) -> tuple[str, ...]:
        """The rules as sentences, for a page."""
        return (
            _inputs_in_words(self),
            _origins_in_words(self),
            f"Forecasts are scored at the size of the annotation ({self.upsampling}), "
            "in one confusion matrix pooled over the whole set; void pixels do not count.",
            _targets_in_words(self),
            f"The segmenter is {self.segmenter}.",
        )


def _inputs_in_words(protocol: Protocol) -> str:
    more = ", and the source frame just before the last" if protocol.inputs == "native" else ""
    return f"A predictor sees {protocol.num_inputs} frames about {protocol.step_s:g} s apart{more}."


def _origins_in_words(protocol: Protocol) -> str:
    if protocol.origins == "anchored":
        return "Each forecast starts as many frames before the annotated frame as its horizon asks."
    return (
        "Every predictor forecasts from the same origins: those with full history and with every "
        "target inside the clip."
    )


def _targets_in_words(protocol: Protocol) -> str:
    words = {
        "truth": "the annotation (truth)",
        "segmenter": "what the segmenter says of the real future frame (segmenter)",
        "unrefined": "what the network alone says of it, before it is refined (unrefined)",
    }
    return f"Held to {' and to '.join(words.get(one, one) for one in protocol.targets)}."


@dataclass(frozen=True, slots=True, kw_only=True)
class Snippet:
    """One origin of a clip: what is read before it and after it."""

    origin: int
    inputs: tuple[int, ...]
    """Oldest first; the last is the origin."""
    previous: int | None
    """The source frame before the origin; None where the protocol withholds it."""
    targets: Mapping[float, int]
    """By horizon as it was asked."""


def horizon_frames(horizon_s: float, fps: float) -> int:
    """Source frames from an origin to a horizon; half a frame goes to the even side.

    Raises:
        UsageError: The horizon is nearer to the origin than to the next frame.
    """
    frames = num_frames_in(horizon_s, 1 / fps)
    if frames < 1:
        raise UsageError(
            f"horizon {horizon_s:g} s is less than half a frame at {fps:g} frames/s; "
            f"ask for {1 / fps:.3f} s or more"
        )
    return frames


def origins_common(
    *,
    num_frames: int,
    fps: float,
    horizons_s: Sequence[float],
    step_s: float,
    num_inputs: int,
    annotated: Sequence[int] | None = None,
) -> tuple[int, ...]:
    """Origins with full history and every target inside the clip.

    Args:
        num_frames: Length of the clip.
        fps: Its frames a second.
        horizons_s: Every horizon of the curve.
        step_s: Stride wanted.
        num_inputs: Length of the history.
        annotated: Indices that every target must be among; None where any frame may be one.
    """
    ahead = [horizon_frames(one, fps) for one in horizons_s]
    first = (num_inputs - 1) * num_stride_frames(step_s, 1 / fps)
    every = range(first, num_frames - max(ahead))
    if annotated is None:
        return tuple(every)
    known = set(annotated)
    return tuple(one for one in every if all(one + frames in known for frames in ahead))


def origins_anchored(
    *, fps: float, horizon_s: float, step_s: float, num_inputs: int, annotated: Sequence[int]
) -> tuple[int, ...]:
    """Origins from which an annotated frame lies exactly at the horizon, with full history."""
    ahead = horizon_frames(horizon_s, fps)
    first = (num_inputs - 1) * num_stride_frames(step_s, 1 / fps)
    return tuple(one - ahead for one in sorted(annotated) if one - ahead >= first)


def snippets(
    protocol: Protocol, clip: str, *, num_frames: int, annotated: Sequence[int]
) -> tuple[Snippet, ...]:
    """Every origin of a clip, in order, with all that is read for it."""
    fps, step_s, num_inputs = protocol.fps_by_clip[clip], protocol.step_s, protocol.num_inputs
    horizons = protocol.horizons_s
    if protocol.origins == "common":
        origins = origins_common(
            num_frames=num_frames,
            fps=fps,
            horizons_s=horizons,
            step_s=step_s,
            num_inputs=num_inputs,
            annotated=annotated if "truth" in protocol.targets else None,
        )
        asked = dict.fromkeys(origins, horizons)
    else:
        inside = [index for index in annotated if index < num_frames]
        asked = _anchored(inside, fps=fps, protocol=protocol)
    return tuple(_snippet(protocol, fps, origin, asked[origin]) for origin in sorted(asked))


def _anchored(
    annotated: Sequence[int], *, fps: float, protocol: Protocol
) -> dict[int, tuple[float, ...]]:
    asked: dict[int, tuple[float, ...]] = {}
    for horizon_s in protocol.horizons_s:
        for origin in origins_anchored(
            fps=fps,
            horizon_s=horizon_s,
            step_s=protocol.step_s,
            num_inputs=protocol.num_inputs,
            annotated=annotated,
        ):
            asked[origin] = (*asked.get(origin, ()), horizon_s)
    return asked


def _snippet(protocol: Protocol, fps: float, origin: int, horizons_s: Sequence[float]) -> Snippet:
    stride = num_stride_frames(protocol.step_s, 1 / fps)
    has_previous = protocol.inputs == "native" and origin > 0
    return Snippet(
        origin=origin,
        inputs=tuple(origin - back * stride for back in reversed(range(protocol.num_inputs))),
        previous=origin - 1 if has_previous else None,
        targets={one: origin + horizon_frames(one, fps) for one in horizons_s},
    )


def wanted_frames(wanted: Iterable[Snippet]) -> tuple[int, ...]:
    """Source indices that are read for those snippets, rising, each once."""
    indices: set[int] = set()
    for one in wanted:
        indices.update(one.inputs, one.targets.values())
        if one.previous is not None:
            indices.add(one.previous)
    return tuple(sorted(indices))
