"""The systems of the article on CamVid, each with the same CPU time to learn in: one table.

    python benchmarks/article_table.py DATA OUT [--held-out 0001TP] [--minutes 15] [--json FILE]

Each system learns CamVid's `train` (never `val`), its best weights chosen by one of the drives of
`train` (`--held-out`), at the width and with the options stated, for as many steps as its network
takes in the budget (measured on a few of its own). Then the 60 frames of `val` are scored at
360x480: the present alone, as it is and refined. Started again it goes on where it was: systems
that are done are read, one that was cut off resumes. With less than five minutes each the table
tells how far a network comes in that time, and orders no systems.
"""

from __future__ import annotations

import argparse
import json
import time
from collections.abc import Mapping
from dataclasses import replace
from pathlib import Path
from typing import Any

import torch

import forecast
from forecast.api.settings import EvaluateSettings
from forecast.api.train import train
from forecast.provenance import commit
from forecast.segmentation.trainable import TRAINABLE
from forecast.specs import parsed, training_sources
from forecast.training.fit import Progress
from forecast.training.run import Audience
from forecast.training.settings import SegmenterRun

_PROBED = (3, 8)
"""Steps between which a step is timed; the first ones also prepare."""


SYSTEMS: Mapping[str, Mapping[str, Any]] = {
    "fast-scnn": {"network": "fast-scnn"},
    "unet 1/4": {"network": "unet", "width": 0.25},
    "unet 1/4, elastic": {"network": "unet", "width": 0.25, "elastic": True},
    "scnet 1/2": {"network": "scnet", "width": 0.5},
    "scnet-transposed 1/2": {"network": "scnet-transposed", "width": 0.5},
    "deeplab 1/8": {"network": "deeplab", "width": 0.125},
    "deeplab-vgg-aspp 1/4": {"network": "deeplab-vgg-aspp", "width": 0.25},
    "dilation8 1/4": {"network": "dilation8", "width": 0.25},
    "icnet": {"network": "icnet"},
    "icnet, adversarial 0.1": {
        "network": "icnet", "adversarial": 0.1, "judge": "small-light"
    },
}  # fmt: skip
"""Row of the table -> what learns, as `forecast train segmenter` takes it."""
REFINED = ((), ("dense-crf",), ("ema",), ("ema", "dense-crf"))
"""What is done to each one's maps, by the settings that --refine has of itself."""


def held_out(told: argparse.Namespace) -> tuple[str, ...]:
    """The clips of the drive that weights are chosen by."""
    sources = training_sources(parsed(f"{told.data}:train", weighed=True))
    found = tuple(one.clip for one in sources if one.clip.startswith(told.held_out))
    if not found:
        raise SystemExit(f"no clip of {told.data} begins with {told.held_out}")
    return found


def prepared_folder(folder: Path, system: Mapping[str, Any], told: argparse.Namespace) -> Path:
    """A run's folder, whose pictures are shared by all systems that are taught as finely."""
    fine = TRAINABLE[system["network"]].stride == 1
    pictures = (told.out / f"pictures-{'1' if fine else '4'}").resolve()
    for one in (pictures, folder):
        one.mkdir(parents=True, exist_ok=True)
    if not (folder / "pictures").exists():
        (folder / "pictures").symlink_to(pictures)
    return folder


def settings_of(system: Mapping[str, Any], told: argparse.Namespace) -> SegmenterRun:
    return SegmenterRun(
        data=(f"{told.data}:train",),
        held_out=held_out(told),
        space="own",
        batch=4,
        average=0.99,
        score_every=100_000,
        **system,
    )


def num_steps(system: Mapping[str, Any], told: argparse.Namespace, folder: Path) -> int:
    """Steps that the budget pays for, measured once and kept."""
    kept = folder / "steps.json"
    if kept.is_file():
        return json.loads(kept.read_text())["steps"]
    times: list[float] = []

    def timed(progress: Progress) -> None:
        if progress.step in _PROBED:
            times.append(time.process_time())

    probe = replace(settings_of(system, told), steps=_PROBED[1] + 1)
    train(probe, prepared_folder(folder / "probe", system, told), audience=Audience(report=timed))
    step_s = (times[1] - times[0]) / (_PROBED[1] - _PROBED[0])
    steps = max(20, round(60 * told.minutes / step_s))
    kept.write_text(json.dumps({"steps": steps, "step_s": step_s}))
    return steps


def taught(name: str, system: Mapping[str, Any], told: argparse.Namespace) -> Path:
    """The weights of a system, learnt now or before."""
    folder = told.out / name.replace("/", "-").replace(" ", "_").replace(",", "")
    folder.mkdir(parents=True, exist_ok=True)
    steps = num_steps(system, told, folder)
    settings = replace(settings_of(system, told), steps=steps, score_every=max(10, steps // 10))
    run = prepared_folder(folder / "run", system, told)
    return train(settings, run, audience=Audience(say=print))


def scored(
    weights: Path, system: Mapping[str, Any], refine: tuple[str, ...], told: argparse.Namespace
) -> dict[str, Any]:
    """What `forecast evaluate` says of the present on `val`, now or before."""
    out = weights.parent / "-".join(("val", *refine))
    if not (out / "report.json").is_file():
        settings = EvaluateSettings(
            segmenter=system["network"],
            weights=weights,
            refine=refine,
            horizons=(0.0,),
            targets=("truth",),
            extras=("accuracy", "boundary-f"),
            split="val",
        )
        forecast.evaluate(told.data, out, settings)
    found = json.loads((out / "report.json").read_text())["results"]
    return next(one for one in found if one["target"] == "truth")


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("data", help="CamVid's folder")
    parser.add_argument("out", type=Path)
    parser.add_argument("--minutes", type=float, default=15.0, help="CPU minutes each")
    parser.add_argument("--held-out", default="0001TP", help="drive that weights are chosen by")
    parser.add_argument("--only", default="", help="rows, divided by ;")
    parser.add_argument("--json", type=Path, default=None)
    told = parser.parse_args()
    torch.set_num_threads(1)
    wanted = [one.strip() for one in told.only.split(";") if one.strip()]
    rows: list[dict[str, Any]] = []
    for name, system in SYSTEMS.items():
        if wanted and name not in wanted:
            continue
        weights = taught(name, system, told)
        for refine in REFINED:
            row = {"system": " + ".join((name, *refine)), "steps": steps_of(weights)}
            rows.append({**row, **scored(weights, system, refine, told)})
            show(rows, told.minutes)
        if told.json is not None:
            kept = {"minutes": told.minutes, "commit": commit(), "rows": rows}
            told.json.write_text(json.dumps(kept, indent=1) + "\n")


def steps_of(weights: Path) -> int:
    return json.loads((weights.parent.parent / "steps.json").read_text())["steps"]


def show(rows: list[dict[str, Any]], minutes: float) -> None:
    print(f"\nCamVid val, 60 frames; {minutes:g} CPU minutes each\n")
    print("| system | steps | mIoU | 95 % | pixels | boundary F |")
    print("|---|---|---|---|---|---|")
    for one in rows:
        interval = one["ci95"]
        between = "" if interval is None else f"{100 * interval[0]:.1f} to {100 * interval[1]:.1f}"
        extras = one["extras"]
        outline = next(value for name, value in extras.items() if name.startswith("boundary_f"))
        figures = (one["miou"], extras["pixel_accuracy"], outline)
        miou, pixels, outlines = (f"{100 * value:.1f}" for value in figures)
        print(f"| {one['system']} | {one['steps']} | {miou} | {between} | {pixels} | {outlines} |")


if __name__ == "__main__":
    main()
