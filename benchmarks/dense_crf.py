"""The dense CRF beside pydensecrf2: CPU time of one thread, interleaved, and what both say.

    python benchmarks/dense_crf.py PICTURE... [--height 256] [--rounds 3]

Needs pydensecrf2 (`pip install --group oracles`, g++). Beliefs are the bundled fast-scnn's, at the
size that is measured; kernels are a spatial one (3 px, weight 3) and the bilateral one named.
"""

from __future__ import annotations

import argparse
import time
from collections.abc import Callable
from statistics import median

import cv2
import numpy as np
import torch
from pydensecrf import densecrf

from forecast import build_segmenter
from forecast.geometry.resize import resize_maps, resize_rgb
from forecast.refinement.dense_crf import CrfSettings, dense_crf
from forecast.values import Frame, Instant

KERNELS = ((80.0, 13.0, 4.0), (67.0, 3.0, 4.0))
"""sxy in pixels at a height of 256, srgb, weight."""


def main() -> None:
    told = argparse.ArgumentParser(description=__doc__)
    told.add_argument("pictures", nargs="+")
    told.add_argument("--height", type=int, default=256)
    told.add_argument("--rounds", type=int, default=3)
    told.add_argument("--iterations", type=int, nargs="+", default=[5, 10])
    options = told.parse_args()
    torch.set_num_threads(1)
    size_hw = (options.height, 2 * options.height)
    for path in options.pictures:
        logits, rgb = scene(path, size_hw)
        for kernel in KERNELS:
            for iterations in options.iterations:
                row = compared(logits, rgb, kernel, iterations, options.rounds)
                print(f"{path.rsplit('/')[-1]} {size_hw} {kernel[:2]} {iterations} rounds:", row)


def scene(path: str, size_hw: tuple[int, int]) -> tuple[torch.Tensor, torch.Tensor]:
    """Log-probabilities [1, K, H, W] and the picture [1, 3, H, W]."""
    picture = cv2.imread(path)[..., ::-1].transpose(2, 0, 1).copy()
    rgb = resize_rgb(torch.from_numpy(picture), size_hw)
    frame = Frame(at=Instant(clip="picture", index=0, pts_s=0.0), rgb=rgb)
    probs = resize_maps(build_segmenter()([frame])[0].belief, size_hw)
    return probs.clamp(min=1e-8).log()[None], rgb[None]


def compared(
    logits: torch.Tensor,
    rgb: torch.Tensor,
    kernel: tuple[float, float, float],
    iterations: int,
    rounds: int,
) -> str:
    def ours(stride: int) -> Callable[[], torch.Tensor]:
        width = rgb.shape[-1]
        settings = CrfSettings(
            sigma_place=kernel[0] / width,
            sigma_rgb=kernel[1],
            weight=kernel[2],
            smooth_sigma=3 / width,
            smooth_weight=3.0,
            num_iterations=iterations,
            stride=stride,
        )
        return lambda: dense_crf(logits, rgb, settings)[0]

    runs = {"all": ours(1), "stride 2": ours(2)}
    theirs = lambda: reference(logits, rgb, kernel, iterations)  # noqa: E731
    times: dict[str, list[float]] = {}
    answers: dict[str, torch.Tensor] = {}
    for _ in range(rounds):
        for name, run in (("pydensecrf2", theirs), *runs.items()):
            begun = time.process_time()
            with torch.inference_mode():
                answers[name] = run()
            times.setdefault(name, []).append(time.process_time() - begun)
    base, wanted = median(times["pydensecrf2"]), answers["pydensecrf2"]
    parts = [f"pydensecrf2 {base:.3f} s"]
    for name in runs:
        same = (answers[name].argmax(0) == wanted.argmax(0)).float().mean()
        most = (answers[name] - wanted).abs().max()
        ratio = median(times[name]) / base
        parts.append(f"{name} x{ratio:.2f}, arg-max {same:.5f}, max|dQ| {most:.1e}")
    return "; ".join(parts)


def reference(
    logits: torch.Tensor,
    rgb: torch.Tensor,
    kernel: tuple[float, float, float],
    iterations: int,
) -> torch.Tensor:
    """What pydensecrf2 says."""
    _, num_classes, height, width = logits.shape
    crf = densecrf.DenseCRF2D(width, height, num_classes)
    crf.setUnaryEnergy(np.ascontiguousarray(-logits[0].reshape(num_classes, -1).numpy()))
    pixels = np.ascontiguousarray(rgb[0].permute(1, 2, 0).numpy())
    crf.addPairwiseGaussian(sxy=3, compat=3)
    crf.addPairwiseBilateral(sxy=kernel[0], srgb=kernel[1], rgbim=pixels, compat=kernel[2])
    beliefs = np.array(crf.inference(iterations))
    return torch.from_numpy(beliefs).reshape(num_classes, height, width)


if __name__ == "__main__":
    main()
