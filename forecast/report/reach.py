"""How far results reach, in words: what intervals are about, and where forecasts fall to copying.

Knows results, and nothing of pages.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from itertools import takewhile

from forecast.report.tables import SEEING, horizons_of, predictors_of, seconds
from forecast.scores import TOO_SHORT, Interval, Result

COPY = "copy-last"


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


def useful_horizons(results: Sequence[Result]) -> tuple[str, ...]:
    """Where the forecasts of one target fall to copying; those of one fate share a sentence.

    The useful horizon is the longest up to which, and at every shorter one, the mIoU is above that
    of copying. Empty where copying was not scored, or at one horizon only.
    """
    copied = {one.horizon_s: one.miou for one in results if one.predictor == COPY}
    if len(copied) < 2:
        return ()
    named = [one.predictor for one in predictors_of(results)]
    forecasts = [name for name in named if name not in (*SEEING, COPY)]
    fates: dict[str, list[str]] = {}
    for name in forecasts:
        fates.setdefault(_fate(name, results, copied), []).append(name)
    return tuple(f"{', '.join(names)}: {fate}" for fate, names in fates.items())


def _fate(name: str, results: Sequence[Result], copied: Mapping[float, float]) -> str:
    gains = {
        one.horizon_s: one.miou - copied[one.horizon_s]
        for one in results
        if one.predictor == name and one.horizon_s in copied and one.miou == one.miou
    }
    above = list(takewhile(lambda horizon_s: gains[horizon_s] > 0, sorted(gains)))
    if not gains:
        return "not scored"
    if not above:
        return f"nowhere above copying from {seconds(min(gains))} on"
    if len(above) == len(gains):
        return f"above copying up to {seconds(above[-1])}, the longest that was scored"
    fallen = sorted(gains)[len(above)]
    return f"falls to copying between {seconds(above[-1])} and {seconds(fallen)}"
