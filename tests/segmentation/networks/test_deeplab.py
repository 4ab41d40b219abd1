import pytest
import torch

from forecast.segmentation.networks.deeplab import RATES, DeepLab, DeepLabVGG, Pyramid


def _count(network: type[torch.nn.Module], *classes: int, **told: object) -> int:
    with torch.device("meta"):
        return sum(one.numel() for one in network(*classes, **told).parameters())


@pytest.mark.parametrize(("num_classes", "count"), [(19, 43_901_068), (21, 44_048_532)])
def test_v2_has_the_published_parameters(num_classes: int, count: int):
    assert _count(DeepLab, num_classes) == count
    assert _count(DeepLab, num_classes, stride_on_3x3=True) == count


def test_the_vgg_networks_have_the_published_parameters():
    assert _count(DeepLabVGG, 21, norm=False) == 20_505_429
    assert _count(DeepLabVGG, 21, norm=False, rates=RATES) == 37_877_652


@pytest.mark.parametrize(
    ("size_hw", "cells"), [((321, 513), (41, 65)), ((64, 72), (8, 9)), ((65, 95), (9, 12))]
)
def test_a_cell_is_eight_pixels(size_hw: tuple[int, int], cells: tuple[int, int]):
    with torch.device("meta"):
        for network in (DeepLab(19), DeepLabVGG(19), DeepLabVGG(19, rates=RATES)):
            scores = network.eval()(torch.empty(1, 3, *size_hw))
            assert scores.shape == (1, 19, *cells)


def test_the_pyramid_sums_what_it_sees_at_its_rates():
    pyramid = Pyramid(1, 1, RATES)
    for branch in pyramid.branches:
        torch.nn.init.ones_(branch.weight)
    spot = torch.zeros(1, 1, 49, 49)
    spot[..., 24, 24] = 1
    with torch.inference_mode():
        seen = pyramid(spot)[0, 0]
    assert seen[24, 24] == 4
    assert all(seen[24, 24 + rate] == 1 and seen[24 - rate, 24 - rate] == 1 for rate in RATES)
    assert seen.sum() == 4 * 9


def test_the_stages_dilate_instead_of_shrinking():
    with torch.device("meta"):
        stages = DeepLab(19).stages
    found = [(stage[0].reduce[0].stride[0], stage[1].middle[0].dilation[0]) for stage in stages]
    assert found == [(1, 1), (2, 1), (1, 2), (1, 4)]
    assert [len(stage) for stage in stages] == [3, 4, 23, 3]


@pytest.mark.parametrize("network", [DeepLab, DeepLabVGG])
def test_every_parameter_learns(network: type[torch.nn.Module]):
    small = network(3, width=1 / 16)
    small(torch.randn(2, 3, 48, 48)).square().mean().backward()
    assert all(one.grad is not None for one in small.parameters())
