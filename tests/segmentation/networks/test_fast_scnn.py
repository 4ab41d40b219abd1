import pytest
import torch

from forecast.segmentation.networks.fast_scnn import OUTPUT_STRIDE, FastSCNN


@pytest.mark.parametrize("size_hw", [(32, 64), (96, 32)])
def test_scores_have_a_quarter_of_the_size(size_hw: tuple[int, int]):
    network = FastSCNN(5).eval()
    with torch.inference_mode():
        scores = network(torch.zeros(2, 3, *size_hw))
    assert scores.shape == (2, 5, size_hw[0] // OUTPUT_STRIDE, size_hw[1] // OUTPUT_STRIDE)


def test_the_paper_s_widths_give_about_the_paper_s_parameters():
    network = FastSCNN(19, widths=(32, 48, 64, 64, 96, 128), widen=6)
    assert sum(one.numel() for one in network.parameters()) == pytest.approx(1.11e6, rel=0.05)


def test_every_parameter_learns():
    network = FastSCNN(3)
    network(torch.randn(2, 3, 64, 64)).square().mean().backward()
    assert all(one.grad is not None and one.grad.abs().sum() > 0 for one in network.parameters())
