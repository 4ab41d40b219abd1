import pytest
import torch

from forecast.errors import UsageError
from forecast.geometry.spaces import collapse_probs, lifted
from forecast.labels import CAMVID, CITYSCAPES, VOC
from forecast.values import Instant, Segmentation


def _segmentation(**kwargs):
    at = Instant(clip="a", index=0, pts_s=0.0)
    return Segmentation(at=at, space=CAMVID, size_hw=(4, 6), **kwargs)


def test_probabilities_lifted_and_collapsed_are_unchanged():
    probs = torch.rand(CAMVID.num_classes, 4, 6).softmax(0)
    fine = lifted(_segmentation(probs=probs), CITYSCAPES)
    assert fine.probs.shape[0] == CITYSCAPES.num_classes
    torch.testing.assert_close(collapse_probs(fine.probs, CITYSCAPES, CAMVID), probs)


def test_collapsing_keeps_the_sum():
    probs = torch.rand(CITYSCAPES.num_classes, 4, 6).softmax(0)
    coarse = collapse_probs(probs, CITYSCAPES, CAMVID)
    torch.testing.assert_close(coarse.sum(0), torch.ones(4, 6))
    car = sum(probs[CITYSCAPES.id_of(name)] for name in ("car", "truck", "bus", "train"))
    torch.testing.assert_close(coarse[CAMVID.id_of("car")], car)


def test_ids_are_lifted_by_their_representative():
    ids = torch.full((4, 6), CAMVID.id_of("bicyclist"), dtype=torch.uint8)
    fine = lifted(_segmentation(ids=ids), CITYSCAPES)
    assert (fine.ids == CITYSCAPES.id_of("rider")).all()


def test_spaces_without_a_mapping_are_refused():
    with pytest.raises(UsageError, match="no mapping is known"):
        collapse_probs(torch.rand(VOC.num_classes, 2, 2), VOC, CAMVID)
