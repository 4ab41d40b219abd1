"""IoU in what came into view: pixels of the target that the origin did not show.

Axes: H W picture.
"""

from __future__ import annotations

import numpy as np
from jaxtyping import Bool

from forecast.evaluation.boundaries import miou_of_parts, parts_where
from forecast.evaluation.compared import Compared, Extra
from forecast.geometry.visibility import came_into_view
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
