"""A fully connected CRF after a network (Krähenbühl and Koltun 2011), pydensecrf2's conventions.

Each pixel is paired with every other by a bilateral kernel (near and alike in colour) and, where
wanted, a spatial one; the self term is included, kernels are normalised by 1 / sqrt(K 1) on both
sides, colours run from 0 to 255.
Axes: B pictures, K classes, h w grid.
"""

from __future__ import annotations

from dataclasses import dataclass, replace

import torch
from jaxtyping import Float, UInt8
from torch import Tensor

from forecast.checkpoints import fingerprint
from forecast.errors import UsageError
from forecast.geometry.resize import resize_rgb
from forecast.refinement.lattice_filter import Kernel, KernelSum
from forecast.refinement.mean_field import Message, mean_field, mean_field_strided
from forecast.refinement.picture_points import (
    bilateral_lattice,
    maps_of,
    raster,
    rows_of,
    spatial_lattice,
)
from forecast.refinement.probabilities import probabilities_of
from forecast.values import Frame, Segmentation

_SMALLEST = 1e-8
"""What a probability of 0 counts as: its logarithm must stay finite."""


@dataclass(frozen=True, slots=True, kw_only=True)
class CrfSettings:
    """Kernels and rounds; weak on purpose, for strong kernels erase poles and signs."""

    sigma_place: float = 40 / 480
    """Of the bilateral kernel, as a share of the picture's width."""
    sigma_rgb: float = 5.0
    """Of the bilateral kernel, in levels of 0 to 255."""
    weight: float = 1.5
    """Of the bilateral kernel."""
    smooth_sigma: float = 3 / 480
    """Of the spatial kernel, as a share of the picture's width."""
    smooth_weight: float = 0.0
    """Of the spatial kernel; 0 leaves it out."""
    num_iterations: int = 5
    stride: int = 1
    """Mean field on every n-th pixel each way; the last round reaches all."""
    compatibility: tuple[tuple[float, ...], ...] | None = None
    """Row: class spoken for, column: class of the other pixel; None is Potts, the identity."""

    def __post_init__(self) -> None:
        sigmas = (self.sigma_place, self.sigma_rgb, self.smooth_sigma)
        if min(sigmas) <= 0:
            raise UsageError(f"a CRF's standard deviations are {sigmas}; all must be above 0")
        if self.num_iterations < 1 or self.stride < 1:
            raise UsageError(
                f"a CRF was given {self.num_iterations} iterations and stride {self.stride}; "
                "both must be at least 1"
            )


def dense_crf(
    logits: Float[Tensor, "B K h w"],
    rgb: UInt8[Tensor, "B 3 h w"],
    settings: CrfSettings,
    *,
    smooth: Kernel | None = None,
) -> Float[Tensor, "B K h w"]:
    """Beliefs of the CRF; differentiable in the logits.

    Args:
        logits: Log-probabilities of the network.
        rgb: The pictures, on the logits' grid.
        settings: Kernels and rounds.
        smooth: The spatial kernel, from `smooth_kernel`; built if it is wanted and not given.
    """
    size = (len(logits), logits.shape[2], logits.shape[3])
    read = raster(size, settings.stride, logits.device)
    lattice = bilateral_lattice(rgb, settings.sigma_place * size[2], settings.sigma_rgb)
    kernels, weights = [Kernel(lattice, read=read)], [settings.weight]
    if settings.smooth_weight:
        kernels.append(smooth or smooth_kernel(size, settings, logits.device))
        weights.append(settings.smooth_weight)
    rows = rows_of(logits)
    message = _message(KernelSum(kernels, weights, everywhere=read is None), settings, rows)
    if read is None:
        beliefs = mean_field(rows, message, num_iterations=settings.num_iterations)
    else:
        last = _message(KernelSum(kernels, weights), settings, rows)
        beliefs = mean_field_strided(
            rows, rows[read], message, last, num_iterations=settings.num_iterations
        )
    return maps_of(beliefs, size)


def smooth_kernel(
    size: tuple[int, int, int], settings: CrfSettings, device: torch.device
) -> Kernel:
    """The spatial kernel of `size` = (pictures, height, width): the same for every frame."""
    lattice = spatial_lattice(size, settings.smooth_sigma * size[2], device)
    return Kernel(lattice, read=raster(size, settings.stride, device))


def _message(kernels: KernelSum, settings: CrfSettings, rows: Float[Tensor, "P K"]) -> Message:
    if settings.compatibility is None:
        return kernels
    compatibility = rows.new_tensor(settings.compatibility)
    if compatibility.shape != (rows.shape[1], rows.shape[1]):
        raise UsageError(
            f"the compatibility is {tuple(compatibility.shape)} and the maps have "
            f"{rows.shape[1]} classes; give one row and one column a class"
        )
    return lambda beliefs: kernels(beliefs) @ compatibility.t()


class DenseCrf:
    """The CRF as a refiner, on the segmenter's own grid.

    Args:
        settings: Kernels and rounds.
    """

    name = "dense-crf"
    remembers = False

    def __init__(self, settings: CrfSettings | None = None) -> None:
        self._settings = settings or CrfSettings()
        self.fingerprint = fingerprint({}, self.name, self._settings)
        self._kept: tuple[object, Kernel] | None = None

    def __call__(self, segmentation: Segmentation, frame: Frame) -> Segmentation:
        """The segmentation after inference on its frame."""
        probs = probabilities_of(segmentation, self.name)
        with torch.inference_mode():
            rgb = resize_rgb(frame.rgb, (probs.shape[1], probs.shape[2])).to(probs.device)
            logits = probs.clamp(min=_SMALLEST).log()[None]
            refined = dense_crf(logits, rgb[None], self._settings, smooth=self._smooth(logits))[0]
        return replace(segmentation, probs=refined)

    def _smooth(self, logits: Float[Tensor, "1 K h w"]) -> Kernel | None:
        if not self._settings.smooth_weight:
            return None
        size = (1, logits.shape[2], logits.shape[3])
        key = (size, logits.device)
        if self._kept is None or self._kept[0] != key:
            self._kept = key, smooth_kernel(size, self._settings, logits.device)
        return self._kept[1]

    def reset(self) -> None:
        """Forget nothing: each frame stands alone."""
