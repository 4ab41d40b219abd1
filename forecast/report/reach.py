"""How far results reach, in words: what their intervals are about.

Knows results, and nothing of pages.
"""

from __future__ import annotations

from collections.abc import Sequence

from forecast.report.tables import horizons_of, seconds
from forecast.scores import TOO_SHORT, Interval, Result


def interval_words(results: Sequence[Result]) -> str:
    """What the intervals of one target are about, or why there are none, horizon by horizon.

    Horizons with one reason are told together, with the figures of the first.
    """
    notes = {one.horizon_s: one.interval_note for one in results}
    kinds: dict[str, list[float]] = {}
    for horizon_s in horizons_of(results):
        kinds.setdefault(notes[horizon_s].partition(":")[0], []).append(horizon_s)
    told = [(members, notes[members[0]]) for members in kinds.values()]
    if len(told) == 1:
        return told[0][1]
    return "; ".join(f"at {_listed(members)}: {note}" for members, note in told)


def _listed(horizons: Sequence[float]) -> str:
    if len(horizons) < 4:
        return ", ".join(seconds(one) for one in horizons)
    return f"{len(horizons)} horizons from {seconds(horizons[0])} to {seconds(horizons[-1])}"


def or_too_short(words: str, interval: Interval | None) -> str:
    """The words of an interval, or that there is none: never a silent gap."""
    return TOO_SHORT if interval is None else words
