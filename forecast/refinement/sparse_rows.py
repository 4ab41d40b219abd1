"""A sparse matrix kept by rows, each a weighted sum of rows of a dense one.

`embedding_bag` is the product: on one CPU thread two to three times as fast as torch's own CSR
product with 19 columns, the same sum in the same order every time, and it runs on CUDA.
Axes: R rows of the result, S = R + 1, P rows of the operand, C columns of both, N stored entries.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import torch
import torch.nn.functional as F
from jaxtyping import Float, Int
from torch import Tensor


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class SparseRows:
    """Row r of the product is the sum of `weights[n] * values[columns[n]]` over r's entries."""

    columns: Int[Tensor, " N"]
    starts: Int[Tensor, " S"]
    """Entries of row r are those from starts[r] up to starts[r + 1]."""
    weights: Float[Tensor, " N"]

    def __matmul__(self, values: Float[Tensor, "P C"]) -> Float[Tensor, "R C"]:
        """The product; no gradient flows through it."""
        return F.embedding_bag(
            self.columns,
            values.detach().contiguous(),
            self.starts,
            mode="sum",
            per_sample_weights=self.weights.to(values.dtype),
            include_last_offset=True,
        )


def even_rows(columns: Int[Tensor, "R n"], weights: Float[Tensor, "R n"]) -> SparseRows:
    """A matrix with the same number of entries in every row."""
    num_rows, width = columns.shape
    starts = torch.arange(num_rows + 1, dtype=columns.dtype, device=columns.device) * width
    return SparseRows(columns=columns.reshape(-1), starts=starts, weights=weights.reshape(-1))


def transposed(
    columns: Int[Tensor, "R n"], weights: Float[Tensor, "R n"], *, num_columns: int
) -> SparseRows:
    """The transpose of `even_rows(columns, weights)`, with `num_columns` rows."""
    num_rows, width = columns.shape
    flat = columns.reshape(-1)
    # Stable, so that every sum runs in the order of the points: the same bytes on each run.
    order = torch.sort(flat, stable=True).indices
    sizes = torch.bincount(flat, minlength=num_columns)
    starts = torch.zeros(num_columns + 1, dtype=columns.dtype, device=columns.device)
    starts[1:] = sizes.cumsum(0)
    rows = torch.arange(num_rows, dtype=columns.dtype, device=columns.device)
    rows = rows[:, None].expand(num_rows, width).reshape(-1)
    return SparseRows(columns=rows[order], starts=starts, weights=weights.reshape(-1)[order])


def stacked(parts: Sequence[SparseRows]) -> SparseRows:
    """The rows of all parts, one below the other."""
    if len(parts) == 1:
        return parts[0]
    begin, starts = 0, [parts[0].starts[:1]]
    for part in parts:
        starts.append(part.starts[1:] + begin)
        begin += len(part.columns)
    return SparseRows(
        columns=torch.cat([part.columns for part in parts]),
        starts=torch.cat(starts),
        weights=torch.cat([part.weights for part in parts]),
    )
