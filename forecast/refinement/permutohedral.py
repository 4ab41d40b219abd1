"""The permutohedral lattice: a Gaussian filter over points in several dimensions.

Each point is spread over the d + 1 corners of its simplex, the corners are blurred along d + 1
axes, and each point reads its corners again (Adams, Baek and Davis 2010). Conventions are those of
Krähenbühl and Koltun's code, which pydensecrf2 wraps: blur 1/2 1 1/2, result scaled by
1 / (1 + 2^-d), features already divided by their standard deviations.
Knows positions only; what is filtered comes later.
Axes: P points, d features, n = d + 1 corners of a simplex, V corners that some point uses.
"""

from __future__ import annotations

from dataclasses import dataclass
from math import sqrt

import torch
from jaxtyping import Float, Int, Int64
from torch import Tensor

from forecast.errors import UsageError

_BITS = 62


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class Lattice:
    """Where points lie among the corners, and which corners are neighbours."""

    corners: Int[Tensor, "P n"]
    """Index of each corner of a point's simplex."""
    shares: Float[Tensor, "P n"]
    """Barycentric weights; a point's sum to 1."""
    neighbours: Int[Tensor, "n V 2"]
    """For each axis the corner before and after; the corner itself where there is none."""
    has_neighbour: Float[Tensor, "n V 2"]
    """1 where there is a neighbour, else 0."""

    @property
    def num_corners(self) -> int:
        """V."""
        return self.neighbours.shape[1]

    @property
    def scale(self) -> float:
        """What the blurred sum is multiplied by."""
        return 1 / (1 + 2.0 ** -(self.corners.shape[1] - 1))


def build_lattice(features: Float[Tensor, "P d"], groups: Int64[Tensor, " P"]) -> Lattice:
    """The lattice of the points.

    Args:
        features: Positions in units of the filter's standard deviation.
        groups: Number of the picture that a point belongs to, from 0; pictures share no corner.

    Raises:
        UsageError: The positions spread too far, in standard deviations, for 62 bits.
    """
    cells, ranks, shares = _simplices(features)
    digits = _Digits(cells, groups)
    keys, inverse = _corner_keys(digits, cells, groups, ranks)
    neighbours, has_neighbour = _neighbours(digits, keys)
    return Lattice(
        corners=inverse, shares=shares, neighbours=neighbours, has_neighbour=has_neighbour
    )


def _elevated(features: Float[Tensor, "P d"]) -> Float[Tensor, "n P"]:
    """Positions in the plane of the lattice, whose d + 1 coordinates sum to 0 (page 5)."""
    num_dims = features.shape[1]
    spread = sqrt(2 / 3) * (num_dims + 1)
    planes = features.t().contiguous()  # d P
    elevated = torch.empty(num_dims + 1, len(features), device=features.device)
    total = torch.zeros(len(features), device=features.device)
    # From the last to the first, as the reference adds, so that rounding falls alike.
    for axis in range(num_dims, 0, -1):
        scaled = planes[axis - 1].float() * (spread / sqrt((axis + 1) * axis))
        elevated[axis] = total - axis * scaled
        total = total + scaled
    elevated[0] = total
    return elevated


def _simplices(
    features: Float[Tensor, "P d"],
) -> tuple[Int[Tensor, "n P"], Int[Tensor, "n P"], Float[Tensor, "P n"]]:
    """Nearest corner of remainder 0 in units of d + 1, ranks of the rest, barycentric weights."""
    elevated = _elevated(features)
    side = len(elevated)
    scaled = elevated / side
    below = scaled.floor()
    above = scaled.ceil()
    nearer_above = above * side - elevated < elevated - below * side
    cells = torch.where(nearer_above, above, below)
    off_plane = cells.sum(0).to(torch.int32)
    ranks = _ranks(elevated - cells * side) + off_plane
    cells = cells.to(torch.int32)
    too_low, too_high = ranks < 0, ranks >= side
    cells += too_low.int() - too_high.int()
    ranks += side * (too_low.int() - too_high.int())
    return cells, ranks, _barycentric(scaled - cells, ranks)


def _ranks(rest: Float[Tensor, "n P"]) -> Int[Tensor, "n P"]:
    """How many of the other coordinates are larger; of equal ones the first is the larger."""
    ranks = torch.zeros(rest.shape, dtype=torch.int32, device=rest.device)
    for one in range(len(rest) - 1):
        smaller = (rest[one] < rest[one + 1 :]).int()  # others P
        ranks[one] += smaller.sum(0, dtype=torch.int32)
        ranks[one + 1 :] += 1 - smaller
    return ranks


def _barycentric(rest: Float[Tensor, "n P"], ranks: Int[Tensor, "n P"]) -> Float[Tensor, "P n"]:
    """Weights of the corners with remainder 0 to d (page 10)."""
    rising = torch.empty_like(rest).scatter_(0, (len(rest) - 1 - ranks).long(), rest)
    shares = rising - rising.roll(1, 0)
    shares[0] += 1
    return shares.t().contiguous()


class _Digits:
    """Packs a corner into one integer: its remainder, its picture, then d digits.

    A corner of remainder r has all its coordinates equal to r modulo d + 1, so a digit is the
    quotient. A margin of one on each side keeps every neighbour's key apart from all others.
    """

    def __init__(self, cells: Int[Tensor, "n P"], groups: Int64[Tensor, " P"]) -> None:
        self.side = len(cells)
        lowest = cells[:-1].amin(1).long() - 2  # a corner lies up to 1 below, its neighbour 2
        spans = (cells[:-1].amax(1).long() + 2 - lowest).tolist()
        self.lowest = lowest
        self.places: list[int] = []
        place = 1
        for span in spans:
            self.places.append(place)
            place *= span
        self.group_place = place
        self.remainder_place = place * (int(groups.max()) + 1)
        num_orders = self.side ** (self.side - 1)
        if self.remainder_place * num_orders >= 1 << _BITS:
            raise UsageError(
                f"the filter's bandwidth is too narrow: {len(groups)} points spread over "
                f"{' x '.join(map(str, spans))} cells, more than {_BITS} bits can number; "
                "widen the standard deviations"
            )


def _corner_keys(
    digits: _Digits,
    cells: Int[Tensor, "n P"],
    groups: Int64[Tensor, " P"],
    ranks: Int[Tensor, "n P"],
) -> tuple[Int64[Tensor, " V"], Int[Tensor, "P n"]]:
    """Rising keys of all corners, and which of them are each point's."""
    side = digits.side
    first = groups * digits.group_place  # P
    steps = torch.zeros(ranks.shape, dtype=torch.int64, device=ranks.device)
    # The corner of remainder r is one cell back in the r coordinates of highest rank.
    slots = (side - 1 - ranks).long()
    for axis, place in enumerate(digits.places):
        first += (cells[axis].long() - digits.lowest[axis]) * place
        steps.scatter_(0, slots[axis][None], place)
    keys = first + torch.cat([torch.zeros_like(steps[:1]), -steps[:-1]]).cumsum(0)
    keys += torch.arange(side, device=keys.device)[:, None] * digits.remainder_place
    # Points share simplices: numbering these, and only then their corners, halves the sorting.
    order = torch.zeros_like(first)
    for axis in range(side - 1):
        order = order * side + slots[axis]
    simplices, simplex = torch.unique(first * side ** (side - 1) + order, return_inverse=True)
    member = torch.empty(len(simplices), dtype=torch.int64, device=keys.device)
    member[simplex] = torch.arange(len(simplex), device=keys.device)
    every, corners = torch.unique(keys[:, member], return_inverse=True)
    return every, corners.to(torch.int32).t().contiguous()[simplex]


def _neighbours(
    digits: _Digits, keys: Int64[Tensor, " V"]
) -> tuple[Int[Tensor, "n V 2"], Float[Tensor, "n V 2"]]:
    """The corners one step down and up each axis: all coordinates by 1, the axis by d back."""
    side, num = digits.side, len(keys)
    itself = torch.arange(num, dtype=torch.int32, device=keys.device)
    neighbours = itself[:, None].repeat(side, 1, 2)  # n V 2
    has = torch.zeros(side, num, 2, device=keys.device)
    # Down: remainder r to r - 1 and the axis one cell up; from 0 to d, one cell down elsewhere.
    wraps = keys < digits.remainder_place
    for axis in range(side):
        places = [place for other, place in enumerate(digits.places) if other != axis]
        up = digits.places[axis] if axis < len(digits.places) else 0
        wrapped = (side - 1) * digits.remainder_place - sum(places)
        wanted = keys + torch.where(wraps, wrapped, up - digits.remainder_place)
        found = torch.searchsorted(keys, wanted).clamp(max=num - 1)
        there = keys[found] == wanted
        low, high = itself[there], found[there].to(torch.int32)
        neighbours[axis, low.long(), 0], neighbours[axis, high.long(), 1] = high, low
        has[axis, low.long(), 0] = has[axis, high.long(), 1] = 1.0
    return neighbours, has
