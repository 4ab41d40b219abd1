"""What each segmentation network costs by its width: weights, arithmetic, a picture, a step.

    python benchmarks/network_cost.py [--rounds 3] [--only unet,icnet] [--json FILE]

A picture is 192x256; a step is four of them, forward, backward and AdamW, in fp32 with channels
innermost, 11 classes, as `forecast train segmenter` takes it (guidance heads included). CPU
milliseconds and seconds of one thread, the medians of interleaved rounds. GMACs are of
the answer for one picture. Width 1 is the published network, listed by weights and arithmetic
alone: a step of it takes many seconds.
"""

from __future__ import annotations

import argparse
import json
import platform
import statistics
import time
from dataclasses import asdict, dataclass
from pathlib import Path

import torch
from torch.utils.flop_counter import FlopCounterMode

from forecast.provenance import commit
from forecast.segmentation.networks.folding import folded
from forecast.segmentation.trainable import TRAINABLE, NetworkOptions

K, BATCH, HW = 11, 4, (192, 256)
WIDTHS = {
    "fast-scnn": (1.0,),
    "fddwnet-small": (1.0,),
    "unet": (0.25, 0.125),
    "scnet": (1.0, 0.5),
    "scnet-transposed": (0.5,),
    "deeplab": (0.25, 0.125),
    "deeplab-vgg": (0.25,),
    "deeplab-vgg-aspp": (0.25,),
    "dilation10": (0.125,),
    "dilation8": (0.25, 0.125),
    "dilation8-large": (0.125,),
    "dilation7": (0.125,),
    "icnet": (1.0, 0.5),
}


@dataclass(kw_only=True)
class Row:
    """One line of the table."""

    network: str
    width: float
    stride: int
    millions: float
    gmac: float
    picture_ms: float | None = None
    step_s: float | None = None


def described(name: str, width: float) -> Row:
    with torch.device("meta"):
        network = TRAINABLE[name].build(K, NetworkOptions(width=width)).eval()
        counter = FlopCounterMode(display=False)
        with counter, torch.inference_mode():
            network(torch.empty(1, 3, *HW))
    return Row(
        network=name,
        width=width,
        stride=TRAINABLE[name].stride,
        millions=sum(one.numel() for one in network.parameters()) / 1e6,
        gmac=counter.get_total_flops() / 2e9,
    )


class Timed:
    """A network that is shown a picture and takes a step."""

    def __init__(self, row: Row) -> None:
        torch.manual_seed(0)
        built = TRAINABLE[row.network].build(K, NetworkOptions(width=row.width))
        self.network = built.to(memory_format=torch.channels_last)
        self.optimizer = torch.optim.AdamW(self.network.parameters(), 1e-3)
        pictures = torch.rand(BATCH, 3, *HW)
        self.pictures = pictures.to(memory_format=torch.channels_last)
        self.answers = folded(self.network).to(memory_format=torch.channels_last)
        self.row, self.shown_s, self.stepped_s = row, [], []

    def round(self) -> None:
        with torch.inference_mode():
            self.shown_s.append(self._timed(lambda: self.answers(self.pictures[:1])))
        self.stepped_s.append(self._timed(self._step))

    def _step(self) -> None:
        self.network.train()
        several = len(TRAINABLE[self.row.network].head_weights) > 1
        heads = (
            self.network.every_head(self.pictures) if several else (self.network(self.pictures),)
        )
        loss = sum(one.log_softmax(1)[:, 0].mean() for one in heads)
        self.optimizer.zero_grad(set_to_none=True)
        (-loss).backward()
        self.optimizer.step()

    @staticmethod
    def _timed(action) -> float:
        began = time.process_time()
        action()
        return time.process_time() - began

    def measured(self) -> Row:
        """Medians, the first round left out."""
        self.row.picture_ms = 1e3 * statistics.median(self.shown_s[1:])
        self.row.step_s = statistics.median(self.stepped_s[1:])
        return self.row


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--rounds", type=int, default=3)
    parser.add_argument("--only", default="")
    parser.add_argument("--json", type=Path, default=None)
    told = parser.parse_args()
    torch.set_num_threads(1)
    wanted = [one for one in WIDTHS if not told.only or one in told.only.split(",")]
    rows = [described(name, 1.0) for name in wanted if 1.0 not in WIDTHS[name]]
    timed = [Timed(described(name, width)) for name in wanted for width in WIDTHS[name]]
    for _ in range(told.rounds + 1):
        for one in timed:
            one.round()
    rows += [one.measured() for one in timed]
    rows.sort(key=lambda one: (wanted.index(one.network), -one.width))
    show(rows)
    if told.json is not None:
        found = {
            "machine": platform.processor() or platform.machine(),
            "torch": torch.__version__,
            "commit": commit(),
            "picture": HW,
            "batch": BATCH,
            "classes": K,
            "rounds": told.rounds,
            "rows": [asdict(one) for one in rows],
        }
        told.json.write_text(json.dumps(found, indent=1) + "\n")


def show(rows: list[Row]) -> None:
    print("| network | width | stride | weights, M | GMAC | ms a picture | s a step |")
    print("|---|---|---|---|---|---|---|")
    for one in rows:
        ms = "" if one.picture_ms is None else f"{one.picture_ms:.0f}"
        step = "" if one.step_s is None else f"{one.step_s:.2f}"
        facts = f"{one.millions:.2f} | {one.gmac:.2f} | {ms} | {step}"
        print(f"| {one.network} | {one.width:g} | {one.stride} | {facts} |")


if __name__ == "__main__":
    main()
