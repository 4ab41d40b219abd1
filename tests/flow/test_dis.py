from __future__ import annotations

import pytest
import torch

from forecast.errors import UsageError
from forecast.flow.dis import DisFlow
from forecast.values import Frame, Instant


def _frame(rgb: torch.Tensor, index: int = 0) -> Frame:
    return Frame(at=Instant(clip="a", index=index, pts_s=float(index)), rgb=rgb)


def test_an_unknown_preset_is_answered_with_the_known_ones() -> None:
    with pytest.raises(UsageError, match="ultrafast, fast, medium"):
        DisFlow("slow")


def test_a_picture_smaller_than_a_patch_has_a_flow_of_its_own_size() -> None:
    rgb = torch.randint(0, 256, (3, 6, 9), dtype=torch.uint8)
    assert DisFlow()(_frame(rgb), _frame(rgb)).shape == (2, 6, 9)


def test_the_name_tells_the_preset() -> None:
    assert DisFlow("fast").name == "dis-fast"
