"""From a belief on a network's grid to one label a pixel.

Axes: K classes, h w grid, H W picture.
"""

from __future__ import annotations

from typing import Any

import cv2
import numpy as np
import torch
from jaxtyping import Float, UInt8
from numpy.typing import NDArray
from torch import Tensor


def labels_at(probs: Float[Tensor, "K h w"], size_hw: tuple[int, int]) -> UInt8[Tensor, "H W"]:
    """The likeliest class of every pixel: probabilities bilinear, then arg-max.

    Goes class by class, so that it holds two maps of the picture's size and never K of them
    (19 classes at 1024x2048 would be 159 MB). Where the grid is finer than the picture it is
    averaged by area, as in `resize_probs`.

    Args:
        probs: Class probabilities on any grid and device.
        size_hw: The picture's height and width.

    Returns:
        Class ids, on the CPU; of two equal classes the first.
    """
    maps = probs.float().cpu().numpy()
    best = _fitted(maps[0], size_hw).copy()
    labels = np.zeros(size_hw, np.uint8)
    for index in range(1, len(maps)):
        rival = _fitted(maps[index], size_hw)
        np.putmask(labels, rival > best, index)
        np.maximum(best, rival, out=best)
    return torch.from_numpy(labels)


def _fitted(one: NDArray[np.float32], size_hw: tuple[int, int]) -> NDArray[np.float32]:
    height, width = min(one.shape[0], size_hw[0]), min(one.shape[1], size_hw[1])
    fitted: NDArray[Any] = one
    if (height, width) != one.shape:
        fitted = cv2.resize(fitted, (width, height), interpolation=cv2.INTER_AREA)
    if (height, width) != size_hw:
        fitted = cv2.resize(fitted, size_hw[::-1], interpolation=cv2.INTER_LINEAR)
    return fitted
