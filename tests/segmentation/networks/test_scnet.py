import pytest
import torch

from forecast.segmentation.networks.scnet import SCNet


def _count(**told: object) -> int:
    with torch.device("meta"):
        return sum(one.numel() for one in SCNet(**told).parameters())


def test_it_has_as_many_parameters_as_segnet_basic():
    assert _count(num_classes=11) == 1_416_587


def test_transposed_convolutions_add_their_own():
    assert _count(num_classes=11, transposed=True) == 1_416_587 + 4 * (64 * 64 * 4 + 64)


@pytest.mark.parametrize("transposed", [True, False])
@pytest.mark.parametrize("size_hw", [(32, 48), (33, 41)])
def test_every_pixel_has_its_scores(size_hw: tuple[int, int], transposed: bool):
    network = SCNet(3, width=1 / 16, transposed=transposed).eval()
    with torch.inference_mode():
        assert network(torch.rand(2, 3, *size_hw)).shape == (2, 3, *size_hw)


def test_indices_put_a_maximum_back_where_it_was():
    """One bright pixel comes out where it went in, whichever corner of its cell it was in."""
    network = SCNet(1, width=1 / 64, norm=False).eval()
    for layer in [*network.encoder, *network.decoder]:
        torch.nn.init.dirac_(layer[0].weight)
        torch.nn.init.zeros_(layer[0].bias)
    torch.nn.init.ones_(network.classifier.weight)
    torch.nn.init.zeros_(network.classifier.bias)
    for row, column in ((5, 9), (14, 30), (0, 31)):
        picture = torch.zeros(1, 3, 16, 32)
        picture[:, 0, row, column] = 1
        with torch.inference_mode():
            scores = network(picture)[0, 0]
        assert scores[row, column] == 1
        assert scores.sum() == 1


@pytest.mark.parametrize("transposed", [True, False])
def test_every_parameter_learns(transposed: bool):
    network = SCNet(3, width=1 / 16, transposed=transposed)
    network(torch.randn(2, 3, 32, 32)).square().mean().backward()
    weights = [one for name, one in network.named_parameters() if not name.endswith("0.bias")]
    assert all(one.grad is not None and one.grad.abs().sum() > 0 for one in weights)
