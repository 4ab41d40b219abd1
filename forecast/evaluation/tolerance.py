"""How near to an outline is near: in pixels, or as a share of the picture's diagonal."""

from __future__ import annotations

from dataclasses import dataclass
from math import hypot

from forecast.errors import UsageError

BAND = 0.0075
"""Share of the diagonal where nobody asks: 17 pixels at 1024x2048, 5 at 360x480."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Tolerance:
    """One of the two is given."""

    px: float | None = None
    share: float | None = None
    """Of the diagonal."""

    def in_px(self, size_hw: tuple[int, int]) -> float:
        """For a picture, at least one pixel."""
        if self.px is not None:
            return self.px
        assert self.share is not None
        return float(max(1, round(self.share * hypot(*size_hw))))

    @property
    def words(self) -> str:
        """As a sentence has it."""
        if self.px is not None:
            return f"{self.px:g} px"
        return f"{100 * (self.share or 0):g} % of the diagonal"

    @property
    def ending(self) -> str:
        """What a figure's name ends in; nothing for what nobody asked for."""
        if self.px is not None:
            return f"_{self.px:g}px"
        return "" if self.share == BAND else f"_{100 * (self.share or 0):g}pct"


def tolerance(text: str | None) -> Tolerance:
    """What a person wrote: `3px`, `0.75%`, or nothing for the usual share of the diagonal.

    Raises:
        UsageError: It is neither.
    """
    if text is None:
        return Tolerance(share=BAND)
    number, unit = (text[:-1], "%") if text.endswith("%") else (text.removesuffix("px"), "px")
    try:
        value = float(number) if text.endswith(unit) else 0.0
    except ValueError:
        value = 0.0
    if unit == "px" and value >= 1:
        return Tolerance(px=value)
    if unit == "%" and 0 < value < 100:
        return Tolerance(share=value / 100)
    raise UsageError(
        f"found the tolerance {text!r}, needed pixels from 1 or a share of the diagonal, such as "
        "boundary-f:3px or boundary-f:0.75%"
    )
