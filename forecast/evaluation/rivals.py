"""Which rows are references, and which of them is the one to beat."""

from __future__ import annotations

from collections.abc import Mapping

COPY = "copy-last"
CEILING = "ceiling"
FRAMES_THEN_SEGMENT = "frames-then-segment"
WARP_PREFIX = "flow-warp"


def is_rival(predictor: str) -> bool:
    """Whether a row may be the rival: copy-last and every flow-warp."""
    return predictor == COPY or predictor.startswith(WARP_PREFIX)


def is_reference(predictor: str) -> bool:
    """Whether a row is one that every table carries."""
    return is_rival(predictor) or predictor in (CEILING, FRAMES_THEN_SEGMENT)


def rival_of(mious: Mapping[str, float]) -> str | None:
    """The better of copy-last and every flow-warp at one horizon; None if none was scored.

    Args:
        mious: mIoU by predictor at that horizon. Of equals the first named wins.
    """
    rivals = {name: value for name, value in mious.items() if is_rival(name) and value == value}
    return max(rivals, key=lambda name: rivals[name]) if rivals else None
