"""Which rows are references, and which of them is the one to beat."""

from __future__ import annotations

from collections.abc import Mapping

COPY = "copy-last"
CEILING = "ceiling"
ORACLE = "oracle-motion"
"""The origin, warped by the true flow: how far motion alone can bring a forecast."""
FRAMES_THEN_SEGMENT = "frames-then-segment"
WARP_PREFIX = "flow-warp"


def is_rival(predictor: str) -> bool:
    """Whether a row may be the rival: copy-last and every flow-warp."""
    return predictor == COPY or predictor.startswith(WARP_PREFIX)


def is_reference(predictor: str) -> bool:
    """Whether a row is one that every table carries."""
    return is_rival(predictor) or sees_future(predictor) or predictor == FRAMES_THEN_SEGMENT


def sees_future(predictor: str) -> bool:
    """Whether a row looks at the real future and so competes with no forecast."""
    return predictor in (CEILING, ORACLE)


def rival_of(mious: Mapping[str, float]) -> str | None:
    """The better of copy-last and every flow-warp at one horizon; None if none was scored.

    Args:
        mious: mIoU by predictor at that horizon. Of equals the first named wins.
    """
    rivals = {name: value for name, value in mious.items() if is_rival(name) and value == value}
    return max(rivals, key=lambda name: rivals[name]) if rivals else None
