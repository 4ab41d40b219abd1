"""Mean field inference of a fully connected conditional random field, one row a pixel.

The algebra alone: what a message is made of comes from the caller, so that a lattice, an explicit
matrix of kernels and learnt weights all run through the same lines.
Axes: P pixels of a coarser raster, Q pixels of the picture, K classes.
"""

from __future__ import annotations

from collections.abc import Callable

from jaxtyping import Float
from torch import Tensor

Message = Callable[[Tensor], Tensor]
"""From beliefs "P K" to what the other pixels say, added to the logits."""


def mean_field(
    logits: Float[Tensor, "P K"], message: Message, *, num_iterations: int
) -> Float[Tensor, "P K"]:
    """Beliefs after some rounds of parallel updates.

    Krähenbühl and Koltun 2011, algorithm 1, started from the softmax of the logits.

    Args:
        logits: Log-probabilities of the network, the negative of the unary energy.
        message: Weighted kernels times compatibility; positive where it speaks for a class.
        num_iterations: Rounds; 0 returns the network's own belief.
    """
    beliefs = logits.softmax(1)
    for _ in range(num_iterations):
        beliefs = (logits + message(beliefs)).softmax(1)
    return beliefs


def mean_field_strided(
    logits: Float[Tensor, "Q K"],
    coarse_logits: Float[Tensor, "P K"],
    message: Message,
    last_message: Message,
    *,
    num_iterations: int,
) -> Float[Tensor, "Q K"]:
    """Mean field on a coarser raster; only the last round reaches every pixel.

    Args:
        logits: Of every pixel.
        coarse_logits: Of the raster's pixels.
        message: From the raster to itself.
        last_message: From the raster to every pixel.
        num_iterations: Rounds in all, at least 1.
    """
    coarse = mean_field(coarse_logits, message, num_iterations=num_iterations - 1)
    return (logits + last_message(coarse)).softmax(1)
