import torch
from torch import nn

from forecast.segmentation.networks.fast_scnn import FastSCNN
from forecast.segmentation.networks.folding import folded


def _stirred(network: nn.Module) -> nn.Module:
    for part in network.modules():
        if isinstance(part, nn.BatchNorm2d):
            nn.init.uniform_(part.running_mean, -1, 1)
            nn.init.uniform_(part.running_var, 0.5, 2)
            nn.init.uniform_(part.weight, 0.5, 2)
    return network.eval()


def test_a_folded_network_answers_alike():
    network = _stirred(FastSCNN(5))
    picture = torch.randn(1, 3, 32, 64)
    with torch.inference_mode():
        expected, got = network(picture), folded(network)(picture)
    assert torch.allclose(got, expected, rtol=1e-3, atol=1e-3 * float(expected.abs().max()))


def test_folding_leaves_no_norm_and_does_not_touch_the_original():
    network = _stirred(FastSCNN(5))
    before = {name: tensor.clone() for name, tensor in network.state_dict().items()}
    assert not any(isinstance(part, nn.BatchNorm2d) for part in folded(network).modules())
    assert all(torch.equal(before[name], now) for name, now in network.state_dict().items())
