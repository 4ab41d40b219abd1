"""What a refiner works on: a network's probabilities, never exact labels.

Axes: K classes, h w grid.
"""

from __future__ import annotations

from jaxtyping import Float
from torch import Tensor

from forecast.errors import UsageError
from forecast.values import Segmentation


def probabilities_of(segmentation: Segmentation, refiner: str) -> Float[Tensor, "K h w"]:
    """The probabilities in float32.

    Raises:
        UsageError: The segmentation is exact labels, such as an annotation.
    """
    if segmentation.probs is None:
        raise UsageError(
            f"{refiner} refines a network's probabilities and was given exact labels; "
            "name a network with --segmenter, or leave out --refine"
        )
    return segmentation.probs.float()
