from __future__ import annotations

import torch

from forecast.flow.cache import CachedFlow
from forecast.values import Frame, Instant


class _Counting:
    name = "counting"

    def __init__(self) -> None:
        self.calls: list[tuple[int, int]] = []

    def __call__(self, reference: Frame, moving: Frame) -> torch.Tensor:
        self.calls.append((reference.at.index, moving.at.index))
        return torch.full((2, *reference.size_hw), float(len(self.calls)))


def _frame(index: int, *, clip: str = "a", epoch: int = 0, size: int = 4) -> Frame:
    at = Instant(clip=clip, index=index, pts_s=index / 10, epoch=epoch)
    return Frame(at=at, rgb=torch.zeros(3, size, size, dtype=torch.uint8))


def test_a_pair_is_computed_once() -> None:
    inner = _Counting()
    flow = CachedFlow(inner)
    first = flow(_frame(1), _frame(0))
    assert torch.equal(flow(_frame(1), _frame(0)), first)
    assert inner.calls == [(1, 0)]


def test_pairs_that_differ_in_anything_are_not_taken_for_each_other() -> None:
    inner = _Counting()
    flow = CachedFlow(inner)
    flow(_frame(1), _frame(0))
    flow(_frame(0), _frame(1))
    flow(_frame(1, clip="b"), _frame(0, clip="b"))
    flow(_frame(1, epoch=1), _frame(0, epoch=1))
    assert flow(_frame(1, size=8), _frame(0, size=8)).shape == (2, 8, 8)
    assert len(inner.calls) == 5


def test_the_pair_longest_unused_is_forgotten_first() -> None:
    inner = _Counting()
    flow = CachedFlow(inner, size=2)
    for index in (1, 2, 1, 3, 1, 2):
        flow(_frame(index), _frame(0))
    assert [reference for reference, _ in inner.calls] == [1, 2, 3, 2]
