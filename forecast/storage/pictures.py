"""Labels for whoever draws or stores them; what several sinks ask for is worked out once.

Axes: K classes, H W picture, h w grid.
"""

from __future__ import annotations

from functools import lru_cache

import numpy as np
from jaxtyping import UInt8, UInt16

from forecast.geometry.deciding import labels_at
from forecast.values import Forecast, Segmentation


@lru_cache(maxsize=1)
def picture_labels(
    segmentation: Segmentation,
) -> UInt8[np.ndarray, "H W"] | UInt16[np.ndarray, "H W"]:
    """What every pixel is. Shared between sinks: do not write to it."""
    if segmentation.ids is not None:
        return segmentation.ids.cpu().numpy()
    assert segmentation.probs is not None
    return labels_at(segmentation.probs, segmentation.size_hw).numpy()


@lru_cache(maxsize=4)
def grid_labels(forecast: Forecast) -> UInt8[np.ndarray, "h w"]:
    """What every grid cell will be. Shared between sinks: do not write to it."""
    return forecast.labels.cpu().numpy()
