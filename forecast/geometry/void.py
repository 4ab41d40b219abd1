"""Filling what an annotation leaves open.

Axes: H W picture.
"""

from __future__ import annotations

import cv2
import numpy as np
import torch
from jaxtyping import UInt8, UInt16
from torch import Tensor


def fill_void(
    ids: UInt8[Tensor, "H W"] | UInt16[Tensor, "H W"], void_id: int
) -> UInt8[Tensor, "H W"] | UInt16[Tensor, "H W"]:
    """Labels in which every void pixel has taken the class of the nearest labelled one.

    Args:
        ids: Class ids, on the CPU.
        void_id: Marks the pixels to fill.

    Returns:
        A new map; the same one if nothing is void, or if nothing is labelled.
    """
    stored = ids.numpy()
    void = stored == void_id
    if not void.any() or void.all():
        return ids
    _, nearest = cv2.distanceTransformWithLabels(
        void.astype(np.uint8), cv2.DIST_L2, 5, labelType=cv2.DIST_LABEL_PIXEL
    )
    donors = np.zeros(int(nearest.max()) + 1, stored.dtype)
    donors[nearest[~void]] = stored[~void]
    return torch.from_numpy(donors[nearest])
