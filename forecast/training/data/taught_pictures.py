"""Pictures with what they teach, and how annotation rules a teacher's belief.

Axes: K classes, H W picture, h w grid, N coarse ids.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import overload

import numpy as np
import torch
from jaxtyping import Float, UInt8, UInt16
from numpy.typing import NDArray
from torch import Tensor

from forecast.labels import LabelSpace, collapse_table, lift_table
from forecast.training.data.clips import Clip

OTHERWISE = 1e-3
"""What is left of a belief in classes that the annotation rules out."""
REPRESENTED = 0.02
"""Belief in the class that stands for the annotated one, before the teacher is asked."""


def allowed(
    probs: Float[Tensor, "K h w"],
    ids: UInt8[Tensor, "h w"] | UInt16[Tensor, "h w"],
    *,
    coarse: LabelSpace,
    fine: LabelSpace,
) -> Float[Tensor, "K h w"]:
    """The teacher's belief within the classes that the annotation allows; itself where void.

    CamVid's `car` allows car, truck, bus and train, and the teacher says which.
    """
    members = torch.from_numpy(_members(coarse, fine)).to(probs.dtype)
    stands = torch.zeros_like(members)
    lifted = torch.from_numpy(lift_table(coarse, fine).astype(np.int64))
    stands[torch.arange(coarse.num_classes), lifted[: coarse.num_classes]] = REPRESENTED
    chosen = ids.long().clamp_max(coarse.num_classes)
    weight, start = (table[chosen].movedim(-1, 0) for table in (members, stands))  # K h w
    kept = probs * (weight + OTHERWISE) + start
    return kept / kept.sum(dim=0, keepdim=True)


def _members(coarse: LabelSpace, fine: LabelSpace) -> NDArray[np.bool_]:
    """[N + 1, K]: which fine classes each coarse one allows; the last row, void, allows all."""
    entries = collapse_table(fine, coarse)[: fine.num_classes]
    rows = entries[None] == np.arange(coarse.num_classes)[:, None]
    return np.vstack([rows, np.ones(fine.num_classes, bool)])


@dataclass(frozen=True, slots=True, kw_only=True)
class TaughtPicture:
    """A picture and what the teacher believes."""

    rgb: UInt8[Tensor, "3 H W"]
    belief: UInt8[Tensor, "K h w"]
    """Probabilities in 255ths, on a coarser grid of the same aspect."""


class TaughtClips(Sequence[TaughtPicture]):
    """Every picture of some clips, read from disk when it is asked for.

    Args:
        clips: With pictures and soft maps.
    """

    def __init__(self, clips: Sequence[Clip]) -> None:
        self._places = [(clip, index) for clip in clips for index in range(clip.header.num_frames)]

    def __len__(self) -> int:
        return len(self._places)

    @overload
    def __getitem__(self, index: int) -> TaughtPicture: ...

    @overload
    def __getitem__(self, index: slice) -> Sequence[TaughtPicture]: ...

    def __getitem__(self, index: int | slice) -> TaughtPicture | Sequence[TaughtPicture]:
        if isinstance(index, slice):
            return [self[one] for one in range(len(self))[index]]
        clip, place = self._places[index]
        return TaughtPicture(rgb=clip.frame(place).rgb, belief=clip.belief(place))


@dataclass(frozen=True, slots=True, kw_only=True)
class PictureGroup:
    """Pictures of one kind."""

    pictures: Sequence[TaughtPicture]
    share: float
    """How often the kind is drawn, beside the others' shares."""
