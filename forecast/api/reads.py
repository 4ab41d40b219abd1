"""Which frames of a clip an evaluation reads, and how long it keeps them.

An index is a source index, from 0.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from forecast.evaluation.protocol import Snippet, wanted_frames
from forecast.stages import Refiner


def frames_read(snippets: Sequence[Snippet], refiner: Refiner | None) -> frozenset[int]:
    """Source indices that are read: those wanted, and all before them if the refiner remembers."""
    wanted = frozenset(wanted_frames(snippets))
    if refiner is None or not refiner.remembers:
        return wanted
    return frozenset(range(max(wanted, default=-1) + 1))


def last_uses(snippets: Sequence[Snippet], within: float) -> Mapping[int, int]:
    """The newest index at which each wanted frame is still looked at.

    Args:
        snippets: What is forecast.
        within: Origins are looked at once more at targets that are no more frames ahead.
    """
    uses: dict[int, int] = {}

    def used(index: int, at: int) -> None:
        uses[index] = max(uses.get(index, index), at)

    for one in snippets:
        for target in one.targets.values():
            used(target, target)
            if target - one.origin <= within:
                used(one.origin, target)
        for index in one.inputs if one.previous is None else (*one.inputs, one.previous):
            used(index, one.origin)
    return uses
