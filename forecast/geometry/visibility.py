"""What one picture shows of another, from the flow both ways.

Axes: H W picture.
"""

from __future__ import annotations

import cv2
import numpy as np
from jaxtyping import Bool, Float


def came_into_view(
    backward: Float[np.ndarray, "2 H W"],
    forward: Float[np.ndarray, "2 H W"],
    *,
    tolerance_px: float = 1.0,
) -> Bool[np.ndarray, "H W"]:
    """Pixels of the later picture that the earlier one did not show.

    Args:
        backward: From later to earlier, (dx, dy) in pixels: later p is earlier p + backward[p].
        forward: From earlier to later, likewise.
        tolerance_px: How far a round trip may end from its start and still count as seen.
    """
    height, width = backward.shape[1:]
    grid = np.stack(np.meshgrid(np.arange(width), np.arange(height))).astype(np.float32)
    source = grid + backward.astype(np.float32)
    back = cv2.remap(
        np.ascontiguousarray(forward.transpose(1, 2, 0), dtype=np.float32),
        source[0],
        source[1],
        cv2.INTER_LINEAR,
        borderMode=cv2.BORDER_REPLICATE,
    )
    trip = np.hypot(backward[0] + back[..., 0], backward[1] + back[..., 1])
    x, y = source
    outside = (x < 0) | (y < 0) | (x > width - 1) | (y > height - 1)
    return outside | (trip > tolerance_px)
