"""How many separate pieces a label map has: crumbs that no outline score sees.

Axes: H W picture, N pictures.
"""

from __future__ import annotations

from collections.abc import Mapping

import cv2
import numpy as np
from jaxtyping import Float

from forecast.evaluation.compared import Compared, Extra
from forecast.geometry.deciding import Labels
from forecast.labels import LabelSpace
from forecast.scores import FigureWords


def num_components(ids: Labels, space: LabelSpace) -> int:
    """Pieces of one class, joined over sides and corners; void is no piece."""
    present = [int(one) for one in np.unique(ids) if one != space.void_id]
    # The background of each mask is counted too, and taken off.
    return sum(
        cv2.connectedComponents((ids == one).astype(np.uint8), connectivity=8)[0] - 1
        for one in present
    )


def components() -> Extra:
    """Pieces a frame, of the forecast where the target counts, and of the target."""
    return Extra(
        name="components",
        sums=_both,
        figures=_mean,
        words={
            "components": FigureWords(
                title="Pieces",
                about="Connected pieces of one class in a frame, where the target counts.",
                decimals=1,
            ),
            "components_target": FigureWords(
                title="Pieces of the target", about="The same of the target.", decimals=1
            ),
        },
    )


def _both(compared: Compared) -> Float[np.ndarray, " 2"]:
    space, target = compared.space, compared.target_ids
    counted = np.where(target != space.void_id, compared.labels, space.void_id)
    found = num_components(counted.astype(target.dtype), space)
    return np.array([found, num_components(target, space)], np.float64)


def _mean(sums: Float[np.ndarray, "N 2"]) -> Mapping[str, float]:
    found, target = sums.mean(axis=0)
    return {"components": float(found), "components_target": float(target)}
