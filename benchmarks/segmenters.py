"""How well each segmenter does on annotated street pictures, and what a picture costs, in one run.

    FORECAST_DATA=... python benchmarks/segmenters.py [--only A,B] [--weights NAME=FILE] [--every 4]

Claim: the default segmenter is real time on one core of a CPU, and what it gives up for that.
Pooled mIoU in per cent, as `forecast evaluate DATA --horizons 0` counts it: Frankfurt's 67 pictures
(by which weights were chosen), the eight Aachen frames and the four of them that are in no snippet,
CamVid `val` (every fourth frame unless told) in its own eleven classes. Cost: CPU milliseconds of
one thread for a picture of 384x768 and for one of 256x512, from pixels to probabilities, all
segmenters in turn.
"""

from __future__ import annotations

import argparse
import json
import os
import time
from pathlib import Path

import numpy as np
import torch

from forecast.confusion import confusion, mean_iou, pooled
from forecast.device import place
from forecast.geometry.deciding import seen_labels
from forecast.segmentation.build import build_segmenter
from forecast.sources.find import find_dataset
from forecast.values import Frame, Instant

DATA = Path(os.environ["FORECAST_DATA"])
WEIGHTS = {
    "espnetv2-s0.5": DATA / "weights" / "espnetv2",
    "espnetv2-s2.0": DATA / "weights" / "espnetv2",
    "fddwnet": DATA / "weights" / "fddwnet",
}
NAMES = ("fast-scnn", "fddwnet-small", *WEIGHTS)
SETS = {
    "frankfurt": (DATA / "cityscapes_small" / "develop_frankfurt", None),
    "aachen": (DATA / "cityscapes", "train"),
    "camvid val": (DATA / "camvid", "val"),
}
IN_NO_SNIPPET = ("aachen_000004", "aachen_000005", "aachen_000006", "aachen_000007")


def counts(segmenter, name, every):
    """Confusion of each annotated picture, by its clip."""
    path, split = SETS[name]
    found = []
    for clip in find_dataset(path, fps=17.0 if name == "frankfurt" else None, split=split).clips:
        with clip.open(only=clip.annotated[::every]) as frames:
            for frame in frames:
                (seen,) = segmenter([frame])
                truth = clip.label_map(frame.at.index)
                labels = seen_labels(seen, truth.space)
                found.append((clip.clip, confusion(truth.ids.numpy(), labels, truth.space)))
    return found


def scores(segmenter, every):
    found = {}
    for name in SETS:
        each = counts(segmenter, name, every if name == "camvid val" else 1)
        found[name] = 100 * mean_iou(pooled([one for _, one in each]))
        if name == "aachen":
            apart = [one for clip, one in each if clip.startswith(IN_NO_SNIPPET)]
            found["aachen 4 to 7"] = 100 * mean_iou(pooled(apart))
    return found


def costs(segmenters, size_hw, rounds):
    """Median CPU ms of each; one is warmed up before it counts."""
    noise = torch.Generator().manual_seed(0)
    rgb = torch.randint(0, 256, (3, *size_hw), generator=noise, dtype=torch.uint8)
    frame = Frame(at=Instant(clip="noise", index=0, pts_s=0.0), rgb=rgb)
    took = {name: [] for name in segmenters}
    for turn in range(rounds + 1):
        for name, one in segmenters.items():
            began = time.process_time()
            one([frame])
            if turn:
                took[name].append(1e3 * (time.process_time() - began))
    return {name: float(np.median(each)) for name, each in took.items()}


def main():
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--only", default=",".join(NAMES))
    parser.add_argument("--weights", action="append", default=[], help="NAME=FILE")
    parser.add_argument("--rounds", type=int, default=7)
    parser.add_argument("--every", type=int, default=4, help="of CamVid val")
    parser.add_argument("--costs-only", action="store_true")
    given = parser.parse_args()
    torch.set_num_threads(1)
    files = WEIGHTS | dict(one.split("=", 1) for one in given.weights)
    segmenters = {
        name: build_segmenter(name, weights=files.get(name), placement=place("cpu"))
        for name in given.only.split(",")
    }
    rows = {name: {} for name in segmenters}
    for size_hw in ((384, 768), (256, 512)):
        for name, value in costs(segmenters, size_hw, given.rounds).items():
            rows[name][f"ms at {size_hw[0]}x{size_hw[1]}"] = value
    for name, row in rows.items():
        if not given.costs_only:
            row |= scores(segmenters[name], given.every)
        said = {key: round(value, 1) for key, value in row.items()}
        print(json.dumps({"segmenter": name} | said), flush=True)


if __name__ == "__main__":
    main()
