"""Makes dense_crf_answer.npz: what pydensecrf2 1.1 says about one rendered frame.

    python tests/reference/make_dense_crf_answer.py

The unary is random fields, smooth over eight pixels, plus the frame's own labels.
"""

from pathlib import Path

import numpy as np
import torch
import torch.nn.functional as F
from pydensecrf import densecrf

from forecast.synthetic.street.source import StreetSource

SIZE_HW, NUM_CLASSES, ITERATIONS = (48, 96), 19, 10
KERNELS = {"wide": (80.0, 13.0, 10.0), "narrow": (20.0, 5.0, 3.0)}
"""sxy, srgb, weight of the bilateral kernel; the spatial one is 3 px with weight 3."""


def main() -> None:
    source = StreetSource(seed=3, num_frames=1, size_hw=SIZE_HW)
    with source.open() as frames:
        rgb = next(iter(frames)).rgb
    ids = source.label_map(0).ids.long().clamp(max=NUM_CLASSES - 1)
    noise = torch.randn(1, NUM_CLASSES, 6, 12, generator=torch.Generator().manual_seed(0))
    logits = F.interpolate(2 * noise, SIZE_HW, mode="bilinear")[0]
    logits = (logits + 2 * F.one_hot(ids, NUM_CLASSES).permute(2, 0, 1)).half().float()
    answers = {name: answer(logits, rgb, *kernel) for name, kernel in KERNELS.items()}
    np.savez_compressed(
        Path(__file__).with_name("dense_crf_answer.npz"),
        rgb=rgb.numpy(),
        logits=logits.numpy().astype(np.float16),
        **answers,
    )


def answer(logits, rgb, sxy, srgb, weight):
    height, width = SIZE_HW
    crf = densecrf.DenseCRF2D(width, height, NUM_CLASSES)
    energy = -logits.log_softmax(0).reshape(NUM_CLASSES, -1).numpy()
    crf.setUnaryEnergy(np.ascontiguousarray(energy))
    pixels = np.ascontiguousarray(rgb.permute(1, 2, 0).numpy())
    crf.addPairwiseGaussian(sxy=3, compat=3)
    crf.addPairwiseBilateral(sxy=sxy, srgb=srgb, rgbim=pixels, compat=weight)
    beliefs = np.array(crf.inference(ITERATIONS)).reshape(NUM_CLASSES, height, width)
    return beliefs.astype(np.float16)


if __name__ == "__main__":
    main()
