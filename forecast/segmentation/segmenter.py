"""A network run on frames: resized, normalised, scored, made into probabilities.

Promises one segmentation a frame, in order, and that a batch gives what its frames give one by one.
The maps stay on the network's own grid and device, in float32 and channels last in memory.
Does not know which network it runs or where its weights came from.
Axes: B batch, K classes, H W picture, h w grid.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from itertools import groupby

import torch
from jaxtyping import Float, UInt8
from torch import Tensor, nn

from forecast.checkpoints import fingerprint
from forecast.device import Placement, placed, running
from forecast.labels import LabelSpace
from forecast.segmentation.levels import IMAGENET_MEAN, IMAGENET_STD
from forecast.segmentation.sizes import SizeRule, resized
from forecast.values import Frame, Segmentation


class NetworkSegmenter:
    """Frames in, class probabilities on the network's grid out.

    Args:
        network: Pictures "B 3 H W" to scores "B C h w" before the softmax; the space's K classes
            are the first K channels, and any after them (a background) are dropped.
        name: What reports call it.
        space: What the classes mean.
        input_size: Size a picture is brought to.
        placement: Where and in what precision it runs.
        mean: Subtracted from RGB in 0 to 1.
        std: What the difference is divided by.
    """

    def __init__(
        self,
        network: nn.Module,
        *,
        name: str,
        space: LabelSpace,
        input_size: SizeRule,
        placement: Placement,
        mean: tuple[float, float, float] = IMAGENET_MEAN,
        std: tuple[float, float, float] = IMAGENET_STD,
    ) -> None:
        self._fingerprint = fingerprint(
            network.state_dict(), name, space.name, input_size, mean, std
        )
        self._network = placed(network.eval(), placement)
        self._name = name
        self._space = space
        self._input_size = input_size
        self._placement = placement
        levels = torch.tensor([mean, std], device=placement.device)[..., None, None] * 255
        self._offset, self._scale = -levels[0] / levels[1], 1 / levels[1]

    @property
    def name(self) -> str:
        """What reports call it."""
        return self._name

    @property
    def space(self) -> LabelSpace:
        """What its classes mean."""
        return self._space

    @property
    def fingerprint(self) -> str:
        """Hash of weights, input size and normalisation."""
        return self._fingerprint

    def __call__(self, frames: Sequence[Frame]) -> Sequence[Segmentation]:
        """One segmentation a frame, in order; neighbours of one size share a batch."""
        return list(self._segmentations(frames))

    def _segmentations(self, frames: Sequence[Frame]) -> Iterator[Segmentation]:
        for size_hw, same in groupby(frames, key=lambda frame: frame.size_hw):
            batch = list(same)
            every = self._probabilities(torch.stack([frame.rgb for frame in batch]))
            for frame, probs in zip(batch, every, strict=True):
                yield Segmentation(at=frame.at, space=self._space, size_hw=size_hw, probs=probs)

    def _probabilities(self, pictures: UInt8[Tensor, "B 3 H W"]) -> Float[Tensor, "B K h w"]:
        height, width = pictures.shape[-2:]
        small = resized(pictures, self._input_size((height, width)))
        batch = self._placement.put(small).float()
        with running(self._network, self._placement) as network:
            scores: Tensor = network(torch.addcmul(self._offset, batch, self._scale))
            return scores[:, : self._space.num_classes].float().softmax(dim=1)
