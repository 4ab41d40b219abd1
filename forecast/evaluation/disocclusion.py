"""IoU in what came into view: pixels of the target that the origin did not show.

Axes: H W picture.
"""

from __future__ import annotations

import cv2
import numpy as np
from jaxtyping import Bool, Float

from forecast.evaluation.boundaries import miou_of_parts, parts_where
from forecast.evaluation.compared import Compared, Extra
from forecast.scores import FigureWords
from forecast.stages import FlowEstimator


def disocclusion(flow: FlowEstimator) -> Extra:
    """The mIoU of what came into view, by the flow between origin and target and back.

    Args:
        flow: Asked twice for each pair of pictures and for every row: one that remembers pairs.
    """

    def hidden(compared: Compared) -> Bool[np.ndarray, "H W"]:
        if compared.served_s == 0:
            return np.zeros(compared.target_ids.shape, np.bool_)
        assert compared.origin is not None
        return came_into_view(
            flow(compared.future, compared.origin).numpy(),
            flow(compared.origin, compared.future).numpy(),
        )

    return Extra(
        name="disocclusion",
        sums=lambda compared: parts_where(compared, hidden(compared)),
        figures=lambda sums: {"disocclusion_miou": miou_of_parts(sums)},
        words={
            "disocclusion_miou": FigureWords(
                title="Came into view",
                about="mIoU where the origin did not show what is there, as a fraction.",
            )
        },
        needs=frozenset(["origin"]),
        note=lambda _: f"What came into view is judged by {flow.name}, forward and back.",
    )


def came_into_view(
    backward: Float[np.ndarray, "2 H W"],
    forward: Float[np.ndarray, "2 H W"],
    *,
    tolerance_px: float = 1.0,
) -> Bool[np.ndarray, "H W"]:
    """Pixels of the target that the origin did not show.

    Args:
        backward: From target to origin, (dx, dy) in pixels: target p is origin p + backward[p].
        forward: From origin to target, likewise.
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
