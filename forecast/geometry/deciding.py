"""From a belief on a coarse grid to one label a pixel.

Axes: K classes, h w grid, H W picture.
"""

from __future__ import annotations

import numpy as np
import torch
from jaxtyping import Float, UInt8
from torch import Tensor

from forecast.geometry.resize import resize_probs


def labels_at(probs: Float[Tensor, "K h w"], size_hw: tuple[int, int]) -> UInt8[Tensor, "H W"]:
    """The likeliest class of every pixel: probabilities bilinear, then arg-max.

    Goes class by class, so that it holds two maps of the picture's size and never K of them
    (19 classes at 1024x2048 would be 159 MB). A grid finer than the picture is averaged by area.

    Args:
        probs: Class probabilities on any grid and device.
        size_hw: The picture's height and width.

    Returns:
        Class ids, on the CPU; of two equal classes the first.
    """
    grid_hw = (probs.shape[-2], probs.shape[-1])
    if grid_hw == size_hw:
        return probs.argmax(dim=0).byte().cpu()
    if grid_hw[0] > size_hw[0] or grid_hw[1] > size_hw[1]:
        return resize_probs(probs.float(), size_hw).argmax(dim=0).byte().cpu()
    import cv2

    maps = probs.float().cpu().numpy()
    width_height = size_hw[::-1]
    best = cv2.resize(maps[0], width_height, interpolation=cv2.INTER_LINEAR)
    labels = np.zeros(size_hw, np.uint8)
    for index in range(1, len(maps)):
        rival = cv2.resize(maps[index], width_height, interpolation=cv2.INTER_LINEAR)
        labels[rival > best] = index
        np.maximum(best, rival, out=best)
    return torch.from_numpy(labels)
