"""Labels of a step at the size of its picture."""

from __future__ import annotations

from jaxtyping import UInt8
from numpy import ndarray

from forecast.errors import UsageError
from forecast.geometry.deciding import labels_at, picture_labels
from forecast.values import Step


def frame_labels(step: Step, horizon_s: float | None = None) -> UInt8[ndarray, "H W"]:
    """The likeliest class of every pixel of the picture: now, or at a horizon.

    Probabilities are brought to the picture's size bilinearly and decided there.

    Args:
        step: What was seen and forecast.
        horizon_s: One that was asked for; None for now.

    Raises:
        UsageError: The step has no forecast of that horizon.
    """
    if horizon_s is None:
        return picture_labels(step.segmentation).copy()
    if horizon_s not in step.forecast:
        known = ", ".join(f"{one:g}" for one in step.forecast) or "none yet: it is warming up"
        raise UsageError(f"there is no forecast {horizon_s:g} s ahead here; there are: {known}")
    return labels_at(step.forecast[horizon_s].probs, step.frame.size_hw).cpu().numpy()
