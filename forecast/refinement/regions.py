"""Specks taken away: regions too small to be an object take on what lies beside them.

Axes: K classes, h w grid.
"""

from __future__ import annotations

from dataclasses import dataclass, replace

import cv2
import numpy as np
import torch
from jaxtyping import Bool, Float, UInt8
from torch import Tensor

from forecast.checkpoints import fingerprint
from forecast.errors import UsageError
from forecast.refinement.probabilities import probabilities_of
from forecast.values import Frame, Segmentation, likeliest


@dataclass(frozen=True, slots=True, kw_only=True)
class RegionSettings:
    """What counts as a speck."""

    smallest_share: float = 50 / (360 * 480)
    """Area of the smallest region that stays, as a share of the picture's."""

    def __post_init__(self) -> None:
        if not 0 <= self.smallest_share < 1:
            raise UsageError(
                f"the smallest region is {self.smallest_share} of the picture; it must be from 0 "
                "to below 1"
            )


class SmallRegions:
    """Every cell of a region below the smallest area takes the belief of the nearest cell outside.

    A region is a set of cells of one likeliest class that touch, also at corners.

    Args:
        settings: What counts as a speck.
    """

    name = "small-regions"
    remembers = False

    def __init__(self, settings: RegionSettings | None = None) -> None:
        self._settings = settings or RegionSettings()
        self.fingerprint = fingerprint({}, self.name, self._settings)

    def __call__(self, segmentation: Segmentation, frame: Frame) -> Segmentation:  # noqa: ARG002
        """The segmentation without its specks."""
        probs = probabilities_of(segmentation, self.name)
        ids = likeliest(probs).cpu().numpy()
        specks = small_regions(ids, num_cells=self._settings.smallest_share * ids.size)
        if not specks.any() or specks.all():
            return segmentation
        return replace(segmentation, probs=_refilled(probs, specks))

    def reset(self) -> None:
        """Forget nothing: each frame stands alone."""


def small_regions(ids: UInt8[np.ndarray, "h w"], *, num_cells: float) -> Bool[np.ndarray, "h w"]:
    """Cells of regions that have fewer than so many cells."""
    small = np.zeros(ids.shape, np.bool_)
    for one in np.unique(ids):
        _, region, stats, _ = cv2.connectedComponentsWithStats((ids == one).view(np.uint8))
        too_small = np.asarray(stats)[:, cv2.CC_STAT_AREA] < num_cells
        too_small[0] = False  # what is not of this class
        small |= too_small[np.asarray(region, np.int32)]
    return small


def _refilled(
    probs: Float[Tensor, "K h w"], specks: Bool[np.ndarray, "h w"]
) -> Float[Tensor, "K h w"]:
    """The belief of the nearest cell that is no speck, in each speck."""
    _, number = cv2.distanceTransformWithLabels(
        specks.view(np.uint8), cv2.DIST_L2, 5, labelType=cv2.DIST_LABEL_PIXEL
    )
    numbers = np.asarray(number, np.int64).reshape(-1)
    kept = np.flatnonzero(~specks)
    cell_of = np.zeros(int(numbers.max()) + 1, np.int64)
    cell_of[numbers[kept]] = kept
    donors = torch.from_numpy(cell_of[numbers]).to(probs.device)
    return probs.flatten(1)[:, donors].reshape(probs.shape)
