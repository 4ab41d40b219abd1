import pytest
import torch
from torch import Tensor, nn
from torch.nn import functional as F

from forecast.checkpoints import load_into
from forecast.errors import CheckpointError
from forecast.segmentation.networks.fddwnet import FDDWNet
from forecast.segmentation.networks.fddwnet_small import Depthwise, FDDWNetSmall, start_of


def _shuffled_norms(network: nn.Module) -> None:
    """Norms as after training: an untrained one changes nothing."""
    for part in network.modules():
        if isinstance(part, nn.BatchNorm2d):
            for one in (part.weight, part.running_var):
                nn.init.uniform_(one, 0.5, 1.5)
            for one in (part.bias, part.running_mean):
                nn.init.uniform_(one, -0.5, 0.5)


@pytest.fixture
def public() -> FDDWNet:
    torch.manual_seed(1)
    network = FDDWNet().eval()
    _shuffled_norms(network)
    return network


def _started(public: FDDWNet) -> FDDWNetSmall:
    network = FDDWNetSmall().eval()
    load_into(network, start_of(network, public.state_dict()), source="a test")
    return network


@pytest.mark.parametrize("dilation", [1, 2, 5, 9])
@pytest.mark.parametrize("size_hw", [(16, 24), (7, 13)])
def test_a_filter_is_the_dilated_convolution_learning_or_not(
    dilation: int, size_hw: tuple[int, int]
):
    torch.manual_seed(2)
    filters = Depthwise(4, dilation)
    features = torch.randn(2, 4, *size_hw)
    expected = F.conv2d(features, filters.weight, padding=dilation, dilation=dilation, groups=4)
    with torch.no_grad():
        assert torch.allclose(filters(features), expected, atol=1e-5)
    assert torch.allclose(filters(features), expected, atol=1e-5)


def _inner(features: Tensor, edge: int) -> Tensor:
    return features[..., edge:-edge, edge:-edge]


def test_a_started_unit_is_fddwnet_s_away_from_the_edge(public: FDDWNet):
    own = _started(public)
    pairs = [(own.quarter[1], public.layer3_7[1], 64), (own.eighth[2], public.layer9_16[2], 128)]
    pairs.append((own.eighth[6], public.layer17_24[2], 128))
    with torch.inference_mode():
        for unit, theirs, channels in pairs:
            features = torch.rand(1, channels, 40, 40)
            found, expected = _inner(unit(features), 12), _inner(theirs(features), 12)
            assert torch.allclose(found, expected, atol=1e-4)


def test_a_start_needs_fddwnet_s_weights(public: FDDWNet):
    other = {name: one for name, one in public.state_dict().items() if "layer25" not in name}
    with pytest.raises(CheckpointError, match="should start from"):
        start_of(FDDWNetSmall(), other)


def test_scores_have_a_quarter_of_the_size():
    network = FDDWNetSmall(5, width=0.25).eval()
    with torch.inference_mode():
        assert network(torch.zeros(2, 3, 40, 72)).shape == (2, 5, 10, 18)


def test_every_parameter_learns():
    torch.manual_seed(3)
    network = FDDWNetSmall(3, width=0.25)
    network(torch.randn(2, 3, 64, 64)).square().mean().backward()
    assert all(one.grad is not None and one.grad.abs().sum() > 0 for one in network.parameters())
