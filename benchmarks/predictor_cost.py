"""What a step of each predictor costs beside DIS-warp, in one run, interleaved.

    python benchmarks/predictor_cost.py [--threads 1] [--rounds 7] [--only A,B]

Claim: `flow-warp-blend` and `flow-guided-small` take at most twice the time of DIS-warp. A step is
one forecast, 0.6 s ahead, from soft maps and pictures of the grid's size, as on video: each step
comes one source frame after the last, so flows of older pairs are remembered (a pair a frame is
new, beside the newest).
One-step networks take three steps; `as bundled` and `as tried` are of the width and on the grid of
docs/experiments.md, whatever the size of the picture. Of x2x its network alone is counted, not the
segmenter that reads its pictures.
Prints the median and the quartiles in CPU milliseconds, GMACs of the network, and ratios.
"""

from __future__ import annotations

import argparse
import time

import cv2
import numpy as np
import torch
from torch.utils.flop_counter import FlopCounterMode

from forecast.device import place
from forecast.flow.cache import CachedFlow
from forecast.flow.dis import DisFlow
from forecast.labels import CITYSCAPES
from forecast.prediction.copy_last import CopyLast
from forecast.prediction.flow_guided.blend import flow_warp_blend
from forecast.prediction.flow_guided.network import BASE, SMALL, FlowGuidedNetwork
from forecast.prediction.flow_guided.predictor import FlowGuided
from forecast.prediction.flow_guided.rollout import FlowRollout
from forecast.prediction.flow_guided.weights import NUM_MAPS
from forecast.prediction.one_step.conv_lstm import ConvLSTMNetwork
from forecast.prediction.one_step.rollout import Rollout
from forecast.prediction.one_step.s2s import S2S, S2SNetwork
from forecast.prediction.one_step.x2x import X2X
from forecast.prediction.warping.flow_warp import FlowWarp
from forecast.prediction.warping.flow_warp_splat import FlowWarpSplat
from forecast.values import Frame, History, Instant, Observation, Segmentation

K, STRIDE, FPS, AHEAD_S = 19, 3, 15.0, 0.6
BUNDLED_WIDTH, BUNDLED_GRID_HW, X2X_GRID_HW, LSTM_CHANNELS = 0.375, (64, 128), (128, 256), 32


class Blank:
    """Segments at no cost."""

    name, space, fingerprint = "blank", CITYSCAPES, "blank"

    def __call__(self, frames):
        probs = torch.full((K, 8, 16), 1 / K)
        return [
            Segmentation(at=one.at, space=CITYSCAPES, size_hw=one.size_hw, probs=probs)
            for one in frames
        ]


def film(grid_hw, num_frames):
    """Frames of a textured plane that moves, with soft maps that move along."""
    height, width = grid_hw
    noise = np.random.default_rng(0)
    wide = cv2.GaussianBlur(noise.random((height, width * 2, 3), np.float32), (0, 0), 3)
    wide = cv2.normalize(wide, None, 0, 255, cv2.NORM_MINMAX).astype(np.uint8)
    beliefs = cv2.GaussianBlur(noise.random((height, width * 2, K), np.float32), (0, 0), 5)
    found = []
    for index in range(num_frames):
        cut = slice(2 * index, 2 * index + width)
        at = Instant(clip=f"{height}", index=index, pts_s=index / FPS)
        frame = Frame(at=at, rgb=torch.from_numpy(wide[:, cut].transpose(2, 0, 1).copy()))
        probs = torch.from_numpy(beliefs[:, cut].transpose(2, 0, 1).copy() * 40).softmax(dim=0)
        seen = Segmentation(at=at, space=CITYSCAPES, size_hw=grid_hw, probs=probs)
        found.append(Observation(frame=frame, segmentation=seen))
    return found


def history(seen, origin):
    return History(
        observations=tuple(seen[origin - STRIDE * back] for back in (3, 2, 1, 0)),
        previous=seen[origin - 1].frame,
        before=seen[origin - 1].segmentation,
        stride_s=STRIDE / FPS,
        frame_s=1 / FPS,
    )


def predictors(grid_hw):
    """Each with a flow of its own, so that none profits from what another computed."""
    placement = place("cpu", "float32")

    def guided(width):
        network = FlowGuidedNetwork(num_classes=K, num_maps=NUM_MAPS, width=width).eval()
        return FlowGuided(network, CachedFlow(DisFlow()))

    def rolled(network, name, on_hw=grid_hw):
        return Rollout(S2S(network, placement=placement, name=name, grid_hw=on_hw, step_s=0.2))

    small = S2SNetwork(num_classes=K, width=BUNDLED_WIDTH)
    recurrent = ConvLSTMNetwork(num_classes=K, channels=LSTM_CHANNELS)
    colours = S2SNetwork(num_classes=3, width=BUNDLED_WIDTH)

    return {
        "copy-last": CopyLast(),
        "flow-warp": FlowWarp(CachedFlow(DisFlow())),
        "flow-warp-splat": FlowWarpSplat(CachedFlow(DisFlow())),
        "flow-warp-blend": flow_warp_blend(CachedFlow(DisFlow())),
        "flow-guided-small": guided(SMALL),
        "flow-rollout-small": FlowRollout(guided(SMALL)),
        "flow-guided-base": guided(BASE),
        "s2s (3 steps)": rolled(S2SNetwork(num_classes=K), "s2s"),
        "conv-lstm (3 steps)": rolled(ConvLSTMNetwork(num_classes=K), "conv-lstm"),
        "s2s as bundled": rolled(small, "s2s", BUNDLED_GRID_HW),
        "conv-lstm as tried": rolled(recurrent, "conv-lstm", BUNDLED_GRID_HW),
        "x2x as tried": X2X(colours, Blank(), placement=placement, grid_hw=X2X_GRID_HW, step_s=0.2),
    }


def timed(predictor, one):
    began = time.process_time()
    list(predictor.predict([one], horizons_s=[AHEAD_S]))
    return 1e3 * (time.process_time() - began)


def main():
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--threads", type=int, default=1)
    parser.add_argument("--rounds", type=int, default=7)
    parser.add_argument("--only", default="", help="names divided by commas; all if not given")
    given = parser.parse_args()
    torch.set_num_threads(given.threads)
    cv2.setNumThreads(given.threads)
    for grid_hw in ((128, 256), (256, 512)):
        seen = film(grid_hw, 20 + given.rounds)
        every = predictors(grid_hw)
        if given.only:
            every = {name: every[name] for name in given.only.split(",")}
        gmacs = {}
        for name, one in every.items():
            with FlopCounterMode(display=False) as counter:
                timed(one, history(seen, 12))
            gmacs[name] = counter.get_total_flops() / 2e9
            for origin in range(13, 19):
                if "(3 steps)" not in name and "base" not in name:
                    timed(one, history(seen, origin))
        took = {name: [] for name in every}
        for turn in range(given.rounds):
            for name, one in every.items():
                took[name].append(timed(one, history(seen, 19 + turn)))
        warp = float(np.median(took["flow-warp"]))
        print(f"{grid_hw[0]}x{grid_hw[1]}, {given.threads} thread(s), {given.rounds} rounds")
        for name, values in took.items():
            low, middle, high = np.percentile(values, [25, 50, 75])
            print(
                f"  {name:20} {middle:8.1f} ms ({low:.1f} to {high:.1f})"
                f"  {gmacs[name]:7.2f} GMAC  {middle / warp:6.2f} x DIS-warp",
                flush=True,
            )


if __name__ == "__main__":
    main()
