"""The one table of further scores: what `evaluate` can be asked for beside mIoU, by name."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass

from forecast.errors import UsageError
from forecast.evaluation.accuracy import accuracy, per_image
from forecast.evaluation.boundaries import boundaries, boundary_f
from forecast.evaluation.calibration import calibration
from forecast.evaluation.compared import Extra
from forecast.evaluation.components import components
from forecast.evaluation.disocclusion import disocclusion
from forecast.evaluation.flicker import flicker
from forecast.evaluation.latency import latency
from forecast.evaluation.tolerance import tolerance
from forecast.stages import FlowEstimator

EVERY = "all"
"""Each of the table once, as it is without an argument."""


@dataclass(frozen=True, slots=True, kw_only=True)
class ExtraParts:
    """What a score may be built from."""

    flow: Callable[[], FlowEstimator]
    """Makes one that remembers the pairs that it was last asked for."""
    argument: str | None = None
    """What was written after the colon."""


EXTRAS: Mapping[str, tuple[str, Callable[[ExtraParts], Extra]]] = {
    "accuracy": ("pixel and class accuracy", lambda _: accuracy()),
    "per-image": ("mIoU of each picture, mean over pictures", lambda _: per_image()),
    "calibration": ("negative log-likelihood and calibration error", lambda _: calibration()),
    "boundaries": (
        "mIoU near outlines; a band may follow, such as boundaries:3px or boundaries:0.75%",
        lambda parts: boundaries(tolerance(parts.argument)),
    ),
    "boundary-f": (
        "F of outlines; a tolerance may follow, such as boundary-f:3px or boundary-f:0.75%",
        lambda parts: boundary_f(tolerance(parts.argument)),
    ),
    "disocclusion": (
        "mIoU of what came into view after the origin",
        lambda parts: disocclusion(parts.flow()),
    ),
    "flicker": (
        "labels that change from frame to frame where the world does not",
        lambda parts: flicker(parts.flow()),
    ),
    "components": ("connected pieces a frame, of forecast and target", lambda _: components()),
    "latency": ("median and 95th percentile, and the lead that is left", lambda _: latency()),
}
"""Name -> what it is, and what builds it."""

_TAKE_AN_ARGUMENT = ("boundaries", "boundary-f")


def extras_named(names: Sequence[str], *, flow: Callable[[], FlowEstimator]) -> tuple[Extra, ...]:
    """The scores of those names, each once, in the order they were named.

    Args:
        names: NAME or NAME:ARGUMENT; `all` for the whole table.
        flow: Makes the optical flow of scores that ask where pixels came from.

    Raises:
        UsageError: No score has that name, or its argument means nothing.
    """
    asked = [known for name in names for known in (EXTRAS if name == EVERY else (name,))]
    return tuple(_built(name, flow) for name in dict.fromkeys(asked))


def _built(text: str, flow: Callable[[], FlowEstimator]) -> Extra:
    name, colon, argument = text.partition(":")
    if name not in EXTRAS:
        raise UsageError(
            f"no further score is called {name!r}; known: {', '.join(EXTRAS)}, or {EVERY}"
        )
    if colon and name not in _TAKE_AN_ARGUMENT:
        raise UsageError(
            f"{name} takes nothing after a colon, found {argument!r}; write {name} alone"
        )
    return EXTRAS[name][1](ExtraParts(flow=flow, argument=argument if colon else None))
