"""Which pixel of one frame shows what a pixel of another shows: exact, since all surfaces are flat.

Axes: F surfaces, H W picture.
"""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from forecast.synthetic.street.world import View

_ROWS_AT_ONCE = 64


def backward_flow(view: View, before: NDArray[np.float64]) -> NDArray[np.float64]:
    """[H, W, 2]: (dx, dy) from each pixel to where its point is in the earlier frame.

    Args:
        view: The later frame.
        before: [F + 2, 3, 3]; the homography of each of its surfaces into the earlier frame.
    """
    shown = np.unique(view.surface)
    between = np.zeros_like(before)
    between[shown] = before[shown] @ np.linalg.inv(view.homographies[shown])
    height, width = view.surface.shape
    flow = np.empty((height, width, 2))
    x = np.arange(width, dtype=np.float64)
    for top in range(0, height, _ROWS_AT_ONCE):
        rows = slice(top, min(top + _ROWS_AT_ONCE, height))
        y = np.arange(rows.start, rows.stop, dtype=np.float64)[:, None]
        matrix = between[view.surface[rows]]  # rows W 3 3
        moved = matrix[..., 0] * x[None, :, None] + matrix[..., 1] * y[..., None] + matrix[..., 2]
        # A point behind the earlier camera is nowhere in its picture.
        depth = np.where(moved[..., 2] > 1e-9, moved[..., 2], 1e-9)
        flow[rows, :, 0] = np.clip(moved[..., 0] / depth - x, -1e6, 1e6)
        flow[rows, :, 1] = np.clip(moved[..., 1] / depth - y, -1e6, 1e6)
    return flow


def seen_before(view: View, earlier: View, flow: NDArray[np.float64]) -> NDArray[np.bool_]:
    """[H, W]: whether the nearest pixel of the earlier frame shows the same surface."""
    height, width = view.surface.shape
    x = np.rint(np.arange(width) + flow[..., 0])
    y = np.rint(np.arange(height)[:, None] + flow[..., 1])
    inside = (x >= 0) & (x < width) & (y >= 0) & (y < height)
    column = np.clip(x, 0, width - 1).astype(np.intp)
    row = np.clip(y, 0, height - 1).astype(np.intp)
    there = earlier.keys[earlier.surface[row, column]]
    return inside & (there == view.keys[view.surface])
