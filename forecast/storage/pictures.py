"""Labels at the size of the picture, for whoever draws or stores them.

Axes: H W picture.
"""

from __future__ import annotations

from functools import lru_cache

import numpy as np
from jaxtyping import UInt8, UInt16

from forecast.geometry.deciding import labels_at
from forecast.values import Segmentation


@lru_cache(maxsize=1)
def picture_labels(
    segmentation: Segmentation,
) -> UInt8[np.ndarray, "H W"] | UInt16[np.ndarray, "H W"]:
    """What every pixel is; worked out once where several sinks ask in turn. Do not write to it."""
    if segmentation.ids is not None:
        return segmentation.ids.cpu().numpy()
    assert segmentation.probs is not None
    return labels_at(segmentation.probs, segmentation.size_hw).numpy()
