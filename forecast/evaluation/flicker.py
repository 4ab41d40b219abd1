"""How often labels change where the world does not: each frame against the one before.

Counted along the flow, and only where the flow there and back agrees. Annotations flicker too
(3.7 % on CamVid's `val`, from outlines drawn anew), so the target's own figure is the floor.
Axes: H W picture, N pairs.
"""

from __future__ import annotations

import numpy as np
import torch
from jaxtyping import Float

from forecast.evaluation.compared import Compared, Extra
from forecast.geometry.deciding import Labels
from forecast.geometry.visibility import came_into_view
from forecast.geometry.warp import warp_ids
from forecast.scores import FigureWords
from forecast.stages import FlowEstimator

_WORDS = {
    "flicker": FigureWords(
        title="Flicker",
        about="Share of pixels whose label is another than the one that the flow brings from the "
        "frame before, where the flow there and back agrees; of neighbouring targets only.",
    ),
    "flicker_target": FigureWords(
        title="Flicker of the target", about="The same for the target: no less can be asked."
    ),
}


def flicker(flow: FlowEstimator) -> Extra:
    """Flicker of forecast and target.

    Args:
        flow: Asked twice for each pair of pictures and for every row: one that remembers pairs.
    """

    def sums(compared: Compared) -> Float[np.ndarray, 4]:
        before = compared.before
        if before is None:
            return np.zeros(4)
        backward = flow(compared.future, before.future).cpu().numpy()
        forward = flow(before.future, compared.future).cpu().numpy()
        void_id = compared.space.void_id
        pairs = ((before.labels, compared.labels), (before.target_ids, compared.target_ids))
        counts = [
            changes(*pair, backward=backward, forward=forward, void_id=void_id) for pair in pairs
        ]
        return np.asarray(counts, np.float64).reshape(-1)

    def figures(stacked: Float[np.ndarray, "N 4"]) -> dict[str, float]:
        changed, compared, target_changed, target_compared = stacked.sum(axis=0).tolist()
        return {
            "flicker": changed / compared if compared else float("nan"),
            "flicker_target": target_changed / target_compared if target_compared else float("nan"),
        }

    return Extra(
        name="flicker",
        sums=sums,
        figures=figures,
        words=_WORDS,
        needs=frozenset(["before"]),
        note=lambda _: f"Flicker is judged by {flow.name}, forward and back.",
    )


def changes(
    before: Labels,
    now: Labels,
    *,
    backward: Float[np.ndarray, "2 H W"],
    forward: Float[np.ndarray, "2 H W"],
    void_id: int,
) -> tuple[int, int]:
    """Pixels of `now` that changed, and pixels that were compared.

    Args:
        before: Labels of the earlier frame.
        now: Labels of the later one.
        backward: Flow from now to before, (dx, dy) in pixels: now p is before p + backward[p].
        forward: Flow from before to now, likewise.
        void_id: Marks pixels of either frame that do not count.
    """
    carried = warp_ids(torch.from_numpy(before), torch.from_numpy(backward)).numpy()
    compared = ~came_into_view(backward, forward) & (now != void_id) & (carried != void_id)
    return int(np.count_nonzero((carried != now) & compared)), int(np.count_nonzero(compared))
