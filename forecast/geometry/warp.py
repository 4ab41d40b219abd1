"""Carrying maps along a flow: the one place that states the pixel convention.

    flow is (dx, dy) in pixels; `moving[p + flow[p]]` looks like `reference[p]`;
    pixel centres are whole numbers; what lies outside a picture repeats its border.

So a map of the moving picture, warped, lies on the reference picture. A flow used twice is
followed, not doubled: `followed` steps along the field and reads it where the point has got to.
Axes: K channels or classes, H W picture.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence

import cv2
import numpy as np
import torch
import torch.nn.functional as F
from jaxtyping import Float, Int64, UInt8, UInt16
from numpy.typing import NDArray
from torch import Tensor


def warp(probs: Float[Tensor, "K H W"], flow: Float[Tensor, "2 H W"]) -> Float[Tensor, "K H W"]:
    """Carry a belief, or any real-valued map, along a flow.

    Differentiable where a gradient is asked for. On the CPU otherwise OpenCV reads one plane after
    the other, about twice as fast as `grid_sample` on 19 classes at 512x1024.

    Args:
        probs: Class probabilities to sample.
        flow: (dx, dy) in pixels; pixel p of the result reads `probs` at p + flow[p].

    Returns:
        Probabilities in float32; still summing to 1, since each is a mean of its neighbours.
        Pixels whose source lies outside the picture repeat the border.
    """
    wants_gradient = torch.is_grad_enabled() and (probs.requires_grad or flow.requires_grad)
    if wants_gradient or probs.device.type != "cpu":
        return _warp_torch(probs.float(), flow.to(probs.device).float())
    x, y = _positions(flow)
    planes = probs.detach().float().contiguous().numpy()
    result = np.empty_like(planes)
    for plane, target in zip(planes, result, strict=True):
        cv2.remap(plane, x, y, cv2.INTER_LINEAR, dst=target, borderMode=cv2.BORDER_REPLICATE)
    return torch.from_numpy(result)


def _warp_torch(
    maps: Float[Tensor, "K H W"], flow: Float[Tensor, "2 H W"]
) -> Float[Tensor, "K H W"]:
    height, width = flow.shape[-2:]
    x = torch.arange(width, device=flow.device) + flow[0]
    y = torch.arange(height, device=flow.device)[:, None] + flow[1]
    # grid_sample wants -1 and 1 at the centres of the corner pixels (align_corners=True).
    grid = torch.stack([2 * x / max(width - 1, 1) - 1, 2 * y / max(height - 1, 1) - 1], dim=-1)
    return F.grid_sample(maps[None], grid[None], padding_mode="border", align_corners=True)[0]


def warp_ids(
    ids: UInt8[Tensor, "H W"] | UInt16[Tensor, "H W"], flow: Float[Tensor, "2 H W"]
) -> UInt8[Tensor, "H W"] | UInt16[Tensor, "H W"]:
    """Carry labels along a flow: each pixel takes the label nearest to where it came from."""
    x, y = _positions(flow)
    carried = cv2.remap(ids.cpu().numpy(), x, y, cv2.INTER_NEAREST, borderMode=cv2.BORDER_REPLICATE)
    return torch.from_numpy(carried).to(ids.device)


def warp_rgb(rgb: UInt8[Tensor, "3 H W"], flow: Float[Tensor, "2 H W"]) -> UInt8[Tensor, "3 H W"]:
    """Carry a picture along a flow."""
    return warp(rgb.float(), flow).round().clamp(0, 255).byte()


def followed(
    flow: Float[Tensor, "2 H W"], num_steps: Sequence[float]
) -> Iterator[Float[Tensor, "2 H W"]]:
    """Displacements after following a steady flow: step along it, read it there, step again.

    Args:
        flow: The displacement of one step, taken to stay as it is at each place.
        num_steps: Not falling; a fraction is that part of a step.

    Yields:
        One displacement for each entry of `num_steps`, a flow in the same convention.
    """
    reached, done = torch.zeros_like(flow), 0
    for wanted in num_steps:
        assert wanted >= done
        while done + 1 <= wanted:
            reached, done = reached + warp(flow, reached), done + 1
        part = wanted - done
        yield reached + part * warp(flow, reached) if part else reached.clone()


def splat_sources(
    displacement: Float[Tensor, "2 H W"], nearness: Float[Tensor, "H W"]
) -> Int64[Tensor, "H W"]:
    """Which pixel comes to lie on each one when all are pushed forward.

    Args:
        displacement: Where each pixel goes: p lands on the pixel nearest to p + displacement[p].
        nearness: Of several that land on one pixel the largest wins; not negative.

    Returns:
        Flat index (row times width plus column) of the winner; -1 where nothing lands.
    """
    height, width = nearness.shape
    move = displacement.numpy()
    column = np.rint(move[0]).astype(np.int64) + np.arange(width)
    row = np.rint(move[1]).astype(np.int64) + np.arange(height)[:, None]
    inside = (column >= 0) & (column < width) & (row >= 0) & (row < height)
    # 16 bits of nearness let numpy sort by radix, several times faster than by comparison.
    top = float(nearness.max()) or 1.0
    ranks = (nearness.numpy()[inside] * (65535 / top)).astype(np.uint16)
    order = np.argsort(ranks, kind="stable")
    sources = np.full(height * width, -1, np.int64)
    # Of repeated targets the last assignment stays, and the nearest come last.
    sources[(row * width + column)[inside][order]] = np.flatnonzero(inside)[order]
    return torch.from_numpy(sources.reshape(height, width))


def _positions(flow: Float[Tensor, "2 H W"]) -> tuple[NDArray[np.float32], NDArray[np.float32]]:
    height, width = flow.shape[-2:]
    move = flow.detach().cpu().float().numpy()
    x = move[0] + np.arange(width, dtype=np.float32)
    y = move[1] + np.arange(height, dtype=np.float32)[:, None]
    return x, y
