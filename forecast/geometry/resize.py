"""Pictures, probabilities, labels and flows at another size, each by its own rule.

Promises the half-pixel convention throughout: the corners of the two pictures coincide, not the
centres of their corner pixels. Shrinking averages areas; growing interpolates; labels do neither.
Axes: K channels or classes, H W given size, h w wanted size.
"""

from __future__ import annotations

import cv2
import numpy as np
import torch
import torch.nn.functional as F
from jaxtyping import Float, Int64, UInt8, UInt16
from torch import Tensor

from forecast.values import Segmentation


def resize_maps(
    maps: Float[Tensor, "*batch K H W"], size_hw: tuple[int, int]
) -> Float[Tensor, "*batch K h w"]:
    """Real-valued maps at another size: areas averaged where it shrinks, bilinear where it grows.

    Every result is a mean of its neighbours, so probabilities stay probabilities. The same tensor
    comes back if nothing changes.
    """
    height, width = maps.shape[-2:]
    if (height, width) == size_hw:
        return maps
    wants_gradient = torch.is_grad_enabled() and maps.requires_grad
    if maps.device.type == "cpu" and maps.dtype == torch.float32 and not wants_gradient:
        shrinks = height % size_hw[0] == 0 and width % size_hw[1] == 0
        if shrinks or (height <= size_hw[0] and width <= size_hw[1]):
            return _resized_planes(maps, size_hw)
    flat = maps.reshape(-1, *maps.shape[-3:])  # N K H W
    smaller = (min(height, size_hw[0]), min(width, size_hw[1]))
    if smaller != (height, width):
        flat = F.interpolate(flat, size=smaller, mode="area")
    if smaller != size_hw:
        flat = F.interpolate(flat, size=size_hw, mode="bilinear", align_corners=False)
    return flat.reshape(*maps.shape[:-2], *size_hw)


def _resized_planes(
    maps: Float[Tensor, "*batch K H W"], size_hw: tuple[int, int]
) -> Float[Tensor, "*batch K h w"]:
    """The same by OpenCV, plane after plane: several times faster than torch on a CPU.

    For shrinking by whole factors and for growing, where both mean the same.
    """
    height, width = maps.shape[-2:]
    planes = maps.detach().contiguous().reshape(-1, height, width).numpy()
    result = np.empty((len(planes), *size_hw), np.float32)
    method = cv2.INTER_AREA if height >= size_hw[0] and width >= size_hw[1] else cv2.INTER_LINEAR
    for plane, target in zip(planes, result, strict=True):
        cv2.resize(plane, size_hw[::-1], dst=target, interpolation=method)
    return torch.from_numpy(result).reshape(*maps.shape[:-2], *size_hw)


def resize_probs(
    probs: Float[Tensor, "*batch K H W"], size_hw: tuple[int, int]
) -> Float[Tensor, "*batch K h w"]:
    """Class probabilities at another size; they still sum to what they summed to."""
    return resize_maps(probs, size_hw)


def resize_rgb(rgb: UInt8[Tensor, "3 H W"], size_hw: tuple[int, int]) -> UInt8[Tensor, "3 h w"]:
    """A picture at another size; the same tensor if nothing changes."""
    if tuple(rgb.shape[-2:]) == size_hw:
        return rgb
    if rgb.device.type != "cpu":
        return resize_maps(rgb.float(), size_hw).round().byte()
    height, width = rgb.shape[-2:]
    smaller = (min(width, size_hw[1]), min(height, size_hw[0]))
    planes: list[np.ndarray] = []
    for plane in rgb.contiguous().numpy():
        area = cv2.resize(plane, smaller, interpolation=cv2.INTER_AREA)
        planes.append(cv2.resize(area, size_hw[::-1], interpolation=cv2.INTER_LINEAR))
    return torch.from_numpy(np.stack(planes))


def resize_ids(
    ids: UInt8[Tensor, "H W"] | UInt16[Tensor, "H W"], size_hw: tuple[int, int]
) -> UInt8[Tensor, "h w"] | UInt16[Tensor, "h w"]:
    """Labels at another size: each pixel takes the label under its centre."""
    height, width = ids.shape
    if (height, width) == size_hw:
        return ids
    rows, columns = _nearest(height, size_hw[0]), _nearest(width, size_hw[1])
    return ids[rows.to(ids.device)[:, None], columns.to(ids.device)]


def resize_labels(
    labels: UInt8[np.ndarray, "H W"] | UInt16[np.ndarray, "H W"], size_hw: tuple[int, int]
) -> UInt8[np.ndarray, "h w"] | UInt16[np.ndarray, "h w"]:
    """The same for labels outside torch."""
    height, width = labels.shape
    if (height, width) == size_hw:
        return labels
    rows, columns = _nearest(height, size_hw[0]), _nearest(width, size_hw[1])
    return labels[rows.numpy()[:, None], columns.numpy()]


def _nearest(old: int, new: int) -> Int64[Tensor, " new"]:
    """Which of `old` cells lies under the centre of each of `new`."""
    return ((torch.arange(new) + 0.5) * old / new).long()


def resize_flow(flow: Float[Tensor, "2 H W"], size_hw: tuple[int, int]) -> Float[Tensor, "2 h w"]:
    """A flow in the pixels of another size: resampled, and (dx, dy) scaled with the picture."""
    height, width = flow.shape[-2:]
    if (height, width) == size_hw:
        return flow
    scale = flow.new_tensor([size_hw[1] / width, size_hw[0] / height])
    return resize_maps(flow, size_hw) * scale[:, None, None]


def one_hot(
    ids: UInt8[Tensor, "H W"] | UInt16[Tensor, "H W"], num_classes: int
) -> Float[Tensor, "K H W"]:
    """Certainty: 1 for the class of each pixel, 0 for the others, and all 0 for an id beyond."""
    classes = torch.arange(num_classes, device=ids.device, dtype=torch.int16)
    return (ids.to(torch.int16)[None] == classes[:, None, None]).float()


def probs_of(segmentation: Segmentation) -> Float[Tensor, "K h w"]:
    """Class probabilities on the segmentation's own grid; true ids become certainty."""
    if segmentation.probs is not None:
        return segmentation.probs
    return one_hot(segmentation.exact, segmentation.space.num_classes)


def probs_on_grid(segmentation: Segmentation, grid_hw: tuple[int, int]) -> Float[Tensor, "K h w"]:
    """What a segmentation says on another grid; true ids become shares of each cell."""
    if segmentation.probs is not None:
        return resize_probs(segmentation.probs.float(), grid_hw)
    # Class by class, since all of a large picture at once is 159 MB at 1024x2048.
    ids, num_classes = segmentation.exact, segmentation.space.num_classes
    shares = [resize_maps((ids == one).float()[None], grid_hw) for one in range(num_classes)]
    return torch.cat(shares)
