"""95 % intervals by a jackknife over independent blocks of origins, never over pixels.

Promises that predictors are left out together, block by block, so that differences are paired; that
every class of the whole sample counts in every replicate; and that an interval holds its figure.
Axes: R replicates, B blocks, N origins, K classes, M donors.

Percentiles of a resampled mIoU covered 40 to 80 % where 95 was promised: resamples that lack a rare
class average over fewer classes, and few blocks know too little of their own spread
(benchmarks/interval_coverage.py).
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from statistics import NormalDist

import numpy as np
from jaxtyping import Bool, Float, Int64

from forecast.confusion import mean_over, parts, ratio
from forecast.evaluation.blocks import Blocks
from forecast.scores import Interval

FEWEST_DEGREES = 3.0
"""Below, the quantile of t rises steeply; the simulation covers without."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Replicates:
    """A figure, and what it would be without each block."""

    whole: float
    values: Float[np.ndarray, " R"]
    weights: Float[np.ndarray, " R"]
    """Of a squared deviation from the whole, in the variance."""
    degrees: float
    """Of freedom."""


def replicates(
    blocks: Blocks, counts: Int64[np.ndarray, "N K K"], ids: Sequence[int] | None = None
) -> Replicates | None:
    """Pooled mIoU without each block, over all classes or those of `ids`.

    The delete-a-group jackknife. A class that no other block has keeps its IoU where its block is
    left out, which says nothing of how uncertain it is; so it borrows: further replicates move it
    by what single blocks differ by in the other classes, whose mean square is then its variance.

    Returns:
        None where the blocks are too few.
    """
    if blocks.targets is None or blocks.membership is None:
        return None
    targets = blocks.targets
    hits, union = (blocks.membership @ one for one in parts(counts))
    whole = ratio(hits.sum(axis=0), union.sum(axis=0))
    without = ratio(hits.sum(axis=0) - hits, union.sum(axis=0) - union)
    gone = (targets.sum(axis=0) - targets <= 0) | np.isnan(without)
    left = mean_over(np.where(gone, whole, without), ids)
    alone = (targets > 0).sum(axis=0) == 1
    donors = (ratio(hits, union) - whole)[(targets > 0) & ~alone]  # M
    figure = float(mean_over(whole, ids))
    borrowed = _borrowed(figure, whole, alone, donors, ids)
    num_blocks = len(targets)
    return Replicates(
        whole=figure,
        values=np.concatenate([left, borrowed]),
        weights=np.concatenate(
            [
                np.full(num_blocks, (num_blocks - 1) / num_blocks),
                np.full(len(borrowed), 1 / len(donors)),
            ]
        ),
        degrees=max(FEWEST_DEGREES, effective_blocks(targets, ids) - 1),
    )


def _borrowed(
    figure: float,
    whole: Float[np.ndarray, " K"],
    alone: Bool[np.ndarray, " K"],
    donors: Float[np.ndarray, " M"],
    ids: Sequence[int] | None,
) -> Float[np.ndarray, " R"]:
    """The mean with one class at a time, of those in one block only, moved by each donor."""
    chosen = np.arange(len(whole)) if ids is None else np.asarray(list(ids), np.int64)
    num_lonely = int(alone[chosen].sum())
    num_defined = max(1, int(np.isfinite(whole[chosen]).sum()))
    return np.tile(figure + donors / num_defined, num_lonely)


def effective_blocks(targets: Float[np.ndarray, "B K"], ids: Sequence[int] | None = None) -> float:
    """How many equal blocks would know as much: fewer where rare classes lie in few of them.

    Kish's effective size of the blocks' shares in the variance, each share being the sum over the
    classes of the squared share of the target's pixels. Satterthwaite's degrees of freedom, with
    what the design knows in place of the noisy deviations.
    """
    chosen = targets if ids is None else targets[:, list(ids)]
    present = chosen[:, chosen.sum(axis=0) > 0]
    if present.shape[1] == 0:
        return 0.0
    shares = ((present / present.sum(axis=0)) ** 2).sum(axis=1)
    return float(shares.sum() ** 2 / (shares**2).sum())


def difference(ours: Replicates | None, theirs: Replicates | None) -> Replicates | None:
    """Ours less theirs, from the same blocks; exactly nothing where both are the same."""
    if ours is None or theirs is None:
        return None
    return Replicates(
        whole=ours.whole - theirs.whole,
        values=ours.values - theirs.values,
        weights=ours.weights,
        degrees=ours.degrees,
    )


def skill(model: float, copy: float, ceiling: float) -> float | None:
    """(model - copy) / (ceiling - copy); None where the ceiling is not above the copy."""
    room = ceiling - copy
    return (model - copy) / room if room > 0 else None


def skill_replicates(
    model: Replicates | None, copy: Replicates | None, ceiling: Replicates | None
) -> Replicates | None:
    """Skill without each block; None where the ceiling is not above the copy in every one."""
    if model is None or copy is None or ceiling is None:
        return None
    whole = skill(model.whole, copy.whole, ceiling.whole)
    room = ceiling.values - copy.values
    if whole is None or not (room > 0).all():
        return None
    return Replicates(
        whole=whole,
        values=(model.values - copy.values) / room,
        weights=model.weights,
        degrees=model.degrees,
    )


def interval(
    found: Replicates | None, *, lowest: float = -np.inf, highest: float = np.inf
) -> Interval | None:
    """The figure, less and more its standard error times the quantile of t.

    Args:
        found: None gives none, as do values that are not all defined.
        lowest: What the figure can be at least; 0 for an IoU.
        highest: What it can be at most.
    """
    if found is None or not np.isfinite(found.whole) or not np.isfinite(found.values).all():
        return None
    variance = float((found.weights * (found.values - found.whole) ** 2).sum())
    reach = student_quantile(found.degrees) * variance**0.5
    return Interval(low=max(lowest, found.whole - reach), high=min(highest, found.whole + reach))


def student_quantile(degrees: float, level: float = 0.975) -> float:
    """Quantile of Student's t, within 0.2 % from three degrees of freedom on.

    Abramowitz and Stegun, 26.7.5; no library that is needed anyway has it.
    """
    z = NormalDist().inv_cdf(level)
    terms = (
        (z**3 + z) / 4,
        (5 * z**5 + 16 * z**3 + 3 * z) / 96,
        (3 * z**7 + 19 * z**5 + 17 * z**3 - 15 * z) / 384,
        (79 * z**9 + 776 * z**7 + 1482 * z**5 - 1920 * z**3 - 945 * z) / 92160,
    )
    return z + sum(term / degrees**power for power, term in enumerate(terms, start=1))
