"""How often a 95 % interval holds the truth: percentiles of a bootstrap, and the jackknife.

    python benchmarks/interval_coverage.py --draws 400 --out benchmarks/results/NAME.json

Aim: wherever an interval of an evaluation is given, it covers 93 to 97 % (of mIoU, moving mIoU,
and of a gain over a rival that was scored on the same origins), where the percentile bootstrap
that it replaces covered far less.

Confusion counts of eleven classes are drawn, of which five are rare: each is there for a tenth to a
third of the time, in bursts. Areas, presence and accuracy are autoregressive in time, and the
rival shares most of its errors with the predictor. Drives differ in accuracy and in which classes
are common. The truth is pooled from a very long sample, over the classes that the short one has.
With one drive the interval is about that sequence; with eight or thirty, about all such drives.
"""

from __future__ import annotations

import argparse
from dataclasses import asdict, dataclass
from pathlib import Path
from statistics import NormalDist

import numpy as np

from forecast.confusion import iou, mean_over, parts, ratio
from forecast.evaluation.blocks import Origin, independent_blocks
from forecast.evaluation.significance import difference, interval, replicates
from forecast.provenance import commit, machine, write_json

PRESENCE = np.array([1, 1, 1, 1, 1, 0.3, 0.15, 0.1, 1, 0.2, 0.08])
AREA = np.array([30, 25, 15, 10, 8, 3, 2, 1, 5, 1, 0.8]) * 1000 / PRESENCE
ABILITY = np.array([2.5, 2.2, 2.0, 1.6, 1.4, 0.6, 0.3, 0.0, 1.2, 0.2, 0.0])
"""Log-odds that a pixel of the class is called rightly."""
MOVING = (8, 9, 10)
K = len(PRESENCE)
FPS, RESAMPLES = 15.0, 200


@dataclass(frozen=True, kw_only=True)
class Case:
    """Origins of one drive or several."""

    drives: int
    origins: int
    """Of each drive."""
    spacing: int
    """Source frames between origins, at 15 frames a second."""
    alike_s: float
    """After which the correlation with what was has fallen to 1/e."""


CASES = (
    *(Case(drives=1, origins=n, spacing=1, alike_s=0.2) for n in (11, 36, 200)),
    *(Case(drives=1, origins=200, spacing=1, alike_s=tau) for tau in (0.4, 1.0)),
    *(Case(drives=1, origins=n, spacing=15, alike_s=0.4) for n in (11, 36, 200)),
    *(Case(drives=1, origins=n, spacing=15, alike_s=1.0) for n in (36, 200)),
    *(Case(drives=d, origins=n, spacing=1, alike_s=0.4) for d in (8, 30) for n in (11, 36, 200)),
)


def wave(rng, shape, length, alike):
    """Unit variance, correlation exp(-1 / alike) from one step to the next, along the last axis."""
    found = rng.standard_normal((*shape, length))
    kept = np.exp(-1 / alike)
    found[..., 1:] *= np.sqrt(1 - kept**2)
    for step in range(1, length):
        found[..., step] += kept * found[..., step - 1]
    return found


def drawn(rng, case, differ):
    """Counts [D, N, K, K] of the predictor and of its rival."""
    alike = case.alike_s * FPS / case.spacing
    shape, drive = (case.drives, K), (case.drives, K, 1)
    seen = wave(rng, shape, case.origins, 1.5 * alike) + differ * rng.standard_normal(drive)
    limits = [NormalDist().inv_cdf(1 - one) if one < 1 else -np.inf for one in PRESENCE]
    there = seen / np.sqrt(1 + differ) > np.asarray(limits)[:, None]
    spread = 0.5 * wave(rng, shape, case.origins, alike) + 0.3 * differ * rng.standard_normal(drive)
    area = AREA[:, None] * np.exp(spread) * there
    ours = ABILITY[:, None] + 0.6 * wave(rng, shape, case.origins, alike)
    ours = ours + 0.4 * wave(rng, (case.drives, 1), case.origins, alike)
    ours = ours + 0.5 * differ * rng.standard_normal(drive)
    ours = ours + 0.4 * differ * rng.standard_normal((case.drives, 1, 1))
    theirs = ours - 0.3 + 0.25 * wave(rng, shape, case.origins, alike)
    theirs = theirs + 0.2 * differ * rng.standard_normal(drive)
    return [counted(np.moveaxis(area, 2, 1), np.moveaxis(one, 2, 1)) for one in (ours, theirs)]


def counted(area, odds):
    """What is missed of a class goes to all that are there, by their share."""
    right = area / (1 + np.exp(-odds))
    total = np.maximum(area.sum(axis=2, keepdims=True), 1e-9)
    counts = (area - right)[..., :, None] * (area / total)[..., None, :]
    counts[..., np.arange(K), np.arange(K)] += right
    return np.rint(counts).astype(np.int64)


def truth(case):
    """IoU of every class [2, K], of the predictor and of its rival."""
    drives, origins = (60, 100) if case.drives > 1 else (10, 400)
    long = Case(drives=drives, origins=origins, spacing=case.spacing, alike_s=case.alike_s)
    rng = np.random.default_rng(99)
    sums = np.zeros((2, K, K), np.int64)
    for _ in range(60):
        found = drawn(rng, long, float(case.drives > 1))
        sums += np.stack([one.sum(axis=(0, 1)) for one in found])
    return iou(sums)


def resamples(rng, case):
    """How often each origin (or drive) is drawn [R, N]; None where there were too few."""
    if case.drives > 1:
        picked = rng.integers(0, case.drives, (RESAMPLES, case.drives))
        num = case.drives
    else:
        length, num = max(1, int(FPS / case.spacing)), case.origins
        if num < 2 * length:
            return None
        starts = rng.integers(0, num - length + 1, (RESAMPLES, -(-num // length)))
        picked = (starts[..., None] + np.arange(length)).reshape(RESAMPLES, -1)[:, :num]
    return np.stack([np.bincount(one, minlength=num) for one in picked]).astype(float)


def percentiles(weights, case, counts, ids):
    """The intervals that were given before: the middle of what resamples give."""
    if weights is None:
        return None, None
    scores = []
    for one in counts:
        pair = parts(one)
        if case.drives > 1:
            pair = [part.reshape(case.drives, -1, K).sum(axis=1) for part in pair]
        scores.append(mean_over(ratio(*(weights @ part for part in pair)), ids))
    both = np.stack([scores[0], scores[0] - scores[1]])
    both = both[:, np.isfinite(both).all(axis=0)]
    return [tuple(np.quantile(one, (0.025, 0.975))) for one in both]


def blocks_of(case, counts):
    names = [f"drive{one}" for one in range(case.drives) for _ in range(case.origins)]
    places = [one * case.spacing for _ in range(case.drives) for one in range(case.origins)]
    origins = [Origin(clip=name, index=at) for name, at in zip(names, places, strict=True)]
    fps = dict.fromkeys(names, FPS)
    return independent_blocks(origins, counts, fps_by_clip=fps, drive_by_clip={})


def jackknives(blocks, counts, ids):
    """The intervals that the library gives: of the predictor, and of its gain."""
    ours, theirs = (replicates(blocks, one, ids) for one in counts)
    found = (interval(ours), interval(difference(ours, theirs)))
    return [None if one is None else (one.low, one.high) for one in found]


def tried(case, num_draws, seed):
    """By figure and method: share given, coverage of those, and median half width in points."""
    rng = np.random.default_rng(seed)
    true = truth(case)
    hits = {}
    for _ in range(num_draws):
        counts = [one.reshape(-1, K, K) for one in drawn(rng, case, float(case.drives > 1))]
        there = counts[0].sum(axis=(0, 2)) > 0
        weights, blocks = resamples(rng, case), blocks_of(case, counts)
        for name, ids in (("mIoU", None), ("moving", MOVING)):
            chosen = [one for one in (ids or range(K)) if there[one]]
            if not chosen:
                continue
            aims = (true[0][chosen].mean(), (true[0] - true[1])[chosen].mean())
            for method, found in (
                ("percentiles", percentiles(weights, case, counts, ids)),
                ("jackknife", jackknives(blocks, counts, ids)),
            ):
                for figure, aim, ends in zip((name, f"gain, {name}"), aims, found, strict=True):
                    kept = hits.setdefault((figure, method), [])
                    held = None if ends is None else ends[0] <= aim <= ends[1]
                    kept.append(None if ends is None else (held, ends[1] - ends[0]))
    return {key: summed(kept) for key, kept in hits.items()}


def summed(kept):
    given = [one for one in kept if one is not None]
    share = len(given) / len(kept)
    if len(given) < 30:
        return {"given": round(share, 3), "coverage": None, "half_width_points": None}
    inside, widths = np.array(given, float).T
    return {
        "given": round(share, 3),
        "coverage": round(float(inside.mean()), 3),
        "half_width_points": round(50 * float(np.median(widths)), 2),
    }


def shown(found):
    if found["coverage"] is None:
        return f"{100 * found['given']:3.0f} %      -      -"
    share, held = 100 * found["given"], 100 * found["coverage"]
    return f"{share:3.0f} % {held:6.1f} {found['half_width_points']:6.2f}"


def main():
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--draws", type=int, default=400)
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--out", type=Path, help="JSON of all that was found")
    given = parser.parse_args()
    print("given, coverage in % of those given, median half width in points")
    print(f"{'drives x origins, spacing, alike for':37} {'figure':14} {'percentiles':22} jackknife")
    rows = []
    for case in CASES:
        name = f"{case.drives} x {case.origins}, {case.spacing / FPS:.2f} s, {case.alike_s} s"
        found = tried(case, given.draws, given.seed)
        for figure in ("mIoU", "moving", "gain, mIoU", "gain, moving"):
            old, new = found[figure, "percentiles"], found[figure, "jackknife"]
            print(f"{name:37} {figure:14} {shown(old):22} {shown(new)}", flush=True)
            rows.append(asdict(case) | {"figure": figure, "percentiles": old, "jackknife": new})
        if given.out:
            about = {
                "command": f"python benchmarks/interval_coverage.py --draws {given.draws}",
                "commit": commit(), "machine": machine(), "rows": rows,
            }  # fmt: skip
            write_json(given.out, about)


if __name__ == "__main__":
    main()
