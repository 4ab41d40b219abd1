"""Which predictor `auto` means: the learned one only with segmenters that it never loses with.

A learned predictor knows the habits of the maps it learnt from. What it gains over the best of copy
and warps on development drives is on the card of its weights, by clip, segmenter and horizon; where
that is not known, or it lost more than a little anywhere, the blended warp forecasts, which trusts
nothing but motion and knows no classes.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING

from forecast.checkpoints import bundled_card, bundled_names
from forecast.labels import CITYSCAPES

if TYPE_CHECKING:
    from forecast.stages import Segmenter

LEARNED = "flow-guided-small"
SAFE = "flow-warp-blend"
ANNOTATIONS = "annotations"
"""Who saw the maps where no segmenter did."""
MOST_LOST = 0.5
"""mIoU points that it may be below the best of copy and warps at one clip and horizon."""


def guarded(segmenter: Segmenter | None) -> str:
    """The predictor for what a segmenter sees; `SAFE` wherever the learned one may lose.

    Args:
        segmenter: None where annotations are forecast.
    """
    if segmenter is not None and segmenter.space.name != CITYSCAPES.name:
        return SAFE
    if LEARNED not in bundled_names():
        return SAFE
    gains = gains_with(
        ANNOTATIONS if segmenter is None else segmenter.name, bundled_card(LEARNED).scores
    )
    trusted = bool(gains) and sum(gains) > 0 and min(gains) >= -MOST_LOST
    return LEARNED if trusted else SAFE


def gains_with(seen_by: str, scores: Mapping[str, float]) -> list[float]:
    """Gains over the best of copy and warps, in mIoU points; none if none was measured.

    Args:
        seen_by: Name of the segmenter.
        scores: From a card; gains are named `CLIP~SEGMENTER HORIZON s`.
    """
    return [value for name, value in scores.items() if _seen_by(name) == seen_by]


def _seen_by(score: str) -> str | None:
    clip, tilde, rest = score.partition("~")
    return rest.split(" ")[0] if clip and tilde else None
