import pytest
import torch

from forecast.geometry.deciding import labels_at
from forecast.geometry.resize import resize_probs


@pytest.mark.parametrize("size_hw", [(16, 24), (32, 48), (33, 50), (8, 12), (40, 12)])
def test_labels_are_those_of_upsampled_probabilities(size_hw):
    probs = torch.rand(7, 16, 24, generator=torch.Generator().manual_seed(1)).softmax(0)
    expected = resize_probs(probs, size_hw).argmax(0).byte()
    assert (labels_at(probs, size_hw) == expected).float().mean() > 0.999


def test_certain_cells_keep_their_class():
    ids = torch.randint(0, 5, (6, 8), generator=torch.Generator().manual_seed(2))
    certain = torch.nn.functional.one_hot(ids, 5).permute(2, 0, 1).float()
    assert torch.equal(labels_at(certain, (6, 8)), ids.byte())
    assert torch.equal(labels_at(certain, (18, 24))[1::3, 1::3], ids.byte())
