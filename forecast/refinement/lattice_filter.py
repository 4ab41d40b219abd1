"""Gaussian filters over the points of lattices: normalised, with a gradient, alone or summed.

One filter is K = slice . blur . splat. It is not symmetric (blurs along several axes do not commute
where corners are missing; 18 % on a small picture), so a gradient runs through splat and slice
exchanged and through the axes in reverse.
Axes: N points of the lattice, P of them that are read, Q that are written, n corners of each,
V corners in all, C columns.
"""

from __future__ import annotations

from collections.abc import Sequence
from functools import cached_property
from typing import Any, Literal

import torch
from jaxtyping import Float, Int, Int64
from torch import Tensor

from forecast.refinement.permutohedral import Lattice
from forecast.refinement.sparse_rows import SparseRows, even_rows, stacked, transposed

Normalisation = Literal["symmetric", "after"]
"""1 / sqrt(K 1) before and after the filter, or 1 / (K 1) after it (as CRF-RNN's code does)."""
_Ends = tuple[Int[Tensor, "_ _"], Float[Tensor, "_ _"]]
"""Corners of some points, and the shares they are read or written with."""
_TINY = 1e-20


class Kernel:
    """One normalised Gaussian filter; what it costs to prepare is paid once.

    Args:
        lattice: Where the points lie.
        normalisation: How it is normalised.
        read: Points that are filtered; None for all.
    """

    def __init__(
        self,
        lattice: Lattice,
        *,
        normalisation: Normalisation = "symmetric",
        read: Int64[Tensor, " P"] | None = None,
    ) -> None:
        self.num_corners = lattice.num_corners
        self.blur = _Blur(lattice)
        inverse = _inverse_of_sum(lattice, self.blur, read)
        before = inverse.sqrt() if normalisation == "symmetric" else None
        after = lattice.scale * (inverse.sqrt() if normalisation == "symmetric" else inverse)
        self.read = _scaled(lattice, before, read)
        self.written = _scaled(lattice, after, None)
        self.written_inside = _scaled(lattice, after, read)

    @cached_property
    def splat(self) -> SparseRows:
        """Points that are read to corners."""
        return transposed(*self.read, num_columns=self.num_corners)


class KernelSum:
    """The weighted sum of kernels over the same points: one splat and one slice for all of them.

    Args:
        kernels: At least one.
        weights: One for each.
        everywhere: Whether the result is for all points, or for those that are read.
    """

    def __init__(
        self, kernels: Sequence[Kernel], weights: Sequence[float], *, everywhere: bool = True
    ) -> None:
        self._kernels = kernels
        self._weights = weights
        self._ends = [one.written if everywhere else one.written_inside for one in kernels]
        self._splat = stacked([one.splat for one in kernels])
        self._slice = _side_by_side(kernels, self._ends, weights)

    def __call__(self, values: Float[Tensor, "P C"]) -> Float[Tensor, "Q C"]:
        """The filtered values; differentiable in them."""
        if torch.is_grad_enabled() and values.requires_grad:
            return _Apply.apply(values, self)  # pyright: ignore[reportReturnType]
        return self.forward(values)

    def forward(self, values: Float[Tensor, "P C"]) -> Float[Tensor, "Q C"]:
        """The product with the operator, without a gradient."""
        return self._slice @ self._blurred(self._splat @ values, reverse=False)

    def transposed(self, values: Float[Tensor, "Q C"]) -> Float[Tensor, "P C"]:
        """The product with the operator's transpose, without a gradient."""
        splat, slicing = self._backward
        return slicing @ self._blurred(splat @ values, reverse=True)

    @cached_property
    def _backward(self) -> tuple[SparseRows, SparseRows]:
        pairs = zip(self._kernels, self._ends, strict=True)
        splat = [transposed(*end, num_columns=kernel.num_corners) for kernel, end in pairs]
        starts = [one.read for one in self._kernels]
        return stacked(splat), _side_by_side(self._kernels, starts, self._weights)

    def _blurred(self, corners: Float[Tensor, "V C"], *, reverse: bool) -> Float[Tensor, "V C"]:
        parts = corners.split([one.num_corners for one in self._kernels])
        pairs = zip(self._kernels, parts, strict=True)
        blurred = [kernel.blur(part, reverse=reverse) for kernel, part in pairs]
        return blurred[0] if len(blurred) == 1 else torch.cat(blurred)


class _Apply(torch.autograd.Function):
    """The filter with its transpose as gradient: autograd knows nothing of the lattice."""

    @staticmethod
    def forward(ctx: Any, values: Tensor, kernels: KernelSum) -> Tensor:
        ctx.kernels = kernels
        return kernels.forward(values)

    @staticmethod
    def backward(ctx: Any, *grads: Tensor) -> tuple[Tensor, None]:
        return ctx.kernels.transposed(grads[0]), None


class _Blur:
    """1/2 1 1/2 along one axis after the other."""

    def __init__(self, lattice: Lattice) -> None:
        num = lattice.num_corners
        itself = torch.arange(num, dtype=torch.int32, device=lattice.neighbours.device)[:, None]
        one = torch.ones(num, 1, device=itself.device)
        pairs = zip(lattice.neighbours, lattice.has_neighbour, strict=True)
        self._axes = [
            even_rows(torch.cat([itself, both], 1), torch.cat([one, 0.5 * has], 1))
            for both, has in pairs
        ]

    def __call__(self, corners: Float[Tensor, "V C"], *, reverse: bool) -> Float[Tensor, "V C"]:
        for axis in reversed(self._axes) if reverse else self._axes:
            corners = axis @ corners
        return corners


def _side_by_side(
    kernels: Sequence[Kernel], ends: Sequence[_Ends], weights: Sequence[float]
) -> SparseRows:
    """Stacked corners to points: each kernel's corners begin where the last one's end."""
    begin, corners, shares = 0, list[Tensor](), list[Tensor]()
    for kernel, end, weight in zip(kernels, ends, weights, strict=True):
        corners.append(end[0] + begin)
        shares.append(weight * end[1])
        begin += kernel.num_corners
    return even_rows(torch.cat(corners, 1), torch.cat(shares, 1))


def _scaled(
    lattice: Lattice, factor: Float[Tensor, " N"] | None, points: Int64[Tensor, " P"] | None
) -> _Ends:
    shares = lattice.shares if factor is None else lattice.shares * factor[:, None]
    if points is None:
        return lattice.corners, shares
    return lattice.corners[points], shares[points]


def _inverse_of_sum(
    lattice: Lattice, blur: _Blur, read: Int64[Tensor, " P"] | None
) -> Float[Tensor, " N"]:
    """1 / (K 1) at every point, where the points that are read are summed over."""
    corners, shares = _scaled(lattice, None, read)
    sums = torch.bincount(corners.reshape(-1), shares.reshape(-1), lattice.num_corners)
    spread = blur(sums.float()[:, None], reverse=False)[:, 0]
    reached = (spread[lattice.corners] * lattice.shares).sum(1) * lattice.scale
    return 1 / (reached + _TINY)
