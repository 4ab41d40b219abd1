import pytest
import torch

from forecast.segmentation.networks.icnet import HEAD_WEIGHTS, ICNet, PyramidPooling


def _count(**told: object) -> int:
    with torch.device("meta"):
        return sum(one.numel() for one in ICNet(19, **told).parameters())


def test_it_has_the_released_network_s_parameters():
    assert _count(guided=False) == 6_699_987
    assert _count() == 6_707_321
    assert _count(width=2.0, guided=False) == 26_734_483


@pytest.mark.parametrize("size_hw", [(64, 96), (65, 97), (63, 35), (32, 32)])
def test_a_cell_is_four_pixels_and_guidance_is_coarser(size_hw: tuple[int, int]):
    network = ICNet(3, width=1 / 8).eval()
    with torch.inference_mode():
        heads = network.every_head(torch.rand(2, 3, *size_hw))
        alone = network(torch.rand(2, 3, *size_hw))
    for stride, scores in zip((4, 8, 16), heads, strict=True):
        assert scores.shape == (2, 3, -(-size_hw[0] // stride), -(-size_hw[1] // stride))
    assert alone.shape == heads[0].shape
    assert len(HEAD_WEIGHTS) == len(heads)


def test_guidance_does_not_change_the_answer():
    network = ICNet(3, width=1 / 8).eval()
    picture = torch.rand(1, 3, 64, 64)
    with torch.inference_mode():
        assert torch.equal(network(picture), network.every_head(picture)[0])


def test_the_pyramid_sums_and_does_not_join():
    features = torch.full((1, 4, 12, 24), 2.0)
    assert torch.allclose(PyramidPooling()(features), torch.full_like(features, 10))


def test_every_parameter_learns():
    network = ICNet(3, width=1 / 4)
    heads = network.every_head(torch.randn(2, 3, 64, 64))
    sum(one.square().mean() for one in heads).backward()
    assert all(one.grad is not None for one in network.parameters())
