"""Several segmenters as one."""

from collections.abc import Sequence

import pytest
import torch
from torch import Tensor

from forecast.errors import UsageError
from forecast.labels import CAMVID, CITYSCAPES, LabelSpace
from forecast.segmentation.mean import MeanSegmenter
from forecast.stages import Segmenter
from forecast.values import Frame, Instant, Segmentation


class _Sure:
    """Believes the same of every frame."""

    def __init__(self, name: str, belief: Tensor, space: LabelSpace = CITYSCAPES) -> None:
        self.name, self.space, self.fingerprint = name, space, name * 64
        self._belief = belief

    def __call__(self, frames: Sequence[Frame]) -> Sequence[Segmentation]:
        return [
            Segmentation(
                at=frame.at, space=self.space, size_hw=frame.size_hw, probs=self._belief.clone()
            )
            for frame in frames
        ]


def _belief(of: int, grid_hw: tuple[int, int]) -> Tensor:
    probs = torch.zeros(19, *grid_hw)
    probs[of] = 1
    return probs


def _frames(count: int) -> list[Frame]:
    rgb = torch.zeros(3, 32, 64, dtype=torch.uint8)
    return [Frame(at=Instant(clip="toy", index=k, pts_s=k / 10), rgb=rgb) for k in range(count)]


def test_a_mean_is_a_segmenter_whose_beliefs_are_half_of_each():
    both = MeanSegmenter([_Sure("a", _belief(0, (8, 16))), _Sure("b", _belief(13, (8, 16)))])
    assert isinstance(both, Segmenter)
    assert (both.name, both.space) == ("a+b", CITYSCAPES)
    seen = both(_frames(3))
    assert [one.at.index for one in seen] == [0, 1, 2]
    expected = (_belief(0, (8, 16)) + _belief(13, (8, 16))) / 2
    assert all(torch.equal(one.probs, expected) for one in seen)


def test_the_finest_grid_is_kept_and_beliefs_still_sum_to_one():
    both = MeanSegmenter([_Sure("a", _belief(0, (4, 8))), _Sure("b", _belief(2, (16, 32)))])
    (seen,) = both(_frames(1))
    assert seen.probs.shape == (19, 16, 32)
    assert torch.allclose(seen.probs.sum(0), torch.ones(16, 32))


def test_the_mean_of_one_is_that_one():
    belief = torch.rand(19, 8, 16).softmax(0)
    (seen,) = MeanSegmenter([_Sure("a", belief)])(_frames(1))
    assert torch.equal(seen.probs, belief)


def test_other_segmenters_or_another_order_have_another_fingerprint():
    a, b = _Sure("a", _belief(0, (8, 16))), _Sure("b", _belief(1, (8, 16)))
    prints = {MeanSegmenter(one).fingerprint for one in ([a], [b], [a, b], [b, a])}
    assert len(prints) == 4


def test_segmenters_of_other_classes_are_refused_by_name():
    a, b = _Sure("a", _belief(0, (8, 16))), _Sure("b", torch.ones(11, 8, 16) / 11, CAMVID)
    with pytest.raises(UsageError, match=r"a speaks cityscapes, b speaks camvid"):
        MeanSegmenter([a, b])
