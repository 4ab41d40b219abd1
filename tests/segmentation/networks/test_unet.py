import pytest
import torch

from forecast.segmentation.networks.unet import UNet


def _count(**told: object) -> int:
    with torch.device("meta"):
        return sum(one.numel() for one in UNet(**told).parameters())


@pytest.mark.parametrize(
    ("told", "count"),
    [
        ({"num_classes": 2, "in_channels": 1, "norm": False}, 31_030_658),
        ({"num_classes": 11, "norm": False}, 31_032_395),
        ({"num_classes": 19, "norm": False}, 31_032_915),
        ({"num_classes": 19, "norm": True}, 31_038_803),
        ({"num_classes": 19, "norm": False, "mirrored": True}, 31_032_915),
    ],
)
def test_it_has_the_paper_s_parameters(told: dict[str, object], count: int):
    assert _count(**told) == count


def test_valid_convolutions_turn_572_pixels_into_388():
    with torch.device("meta"):
        network = UNet(2, in_channels=1, norm=False, mirrored=True)
        assert network.tile(torch.empty(1, 1, 572, 572)).shape == (1, 2, 388, 388)


@pytest.mark.parametrize("norm", [True, False])
@pytest.mark.parametrize("is_mirrored", [True, False])
@pytest.mark.parametrize("size_hw", [(32, 48), (33, 41), (5, 3)])
def test_every_pixel_has_its_scores(size_hw: tuple[int, int], is_mirrored: bool, norm: bool):
    network = UNet(3, width=1 / 32, norm=norm, mirrored=is_mirrored).eval()
    with torch.inference_mode():
        assert network(torch.rand(2, 3, *size_hw)).shape == (2, 3, *size_hw)


def test_with_a_mirrored_border_a_mirrored_picture_has_mirrored_scores_at_its_seam():
    """What valid convolutions see across the border is the picture itself, the other way round."""
    network = UNet(2, width=1 / 32, norm=False, mirrored=True).eval()
    picture = torch.rand(1, 3, 20, 36)
    twice = torch.cat([picture.flip(-1), picture[..., 1:]], dim=-1)
    assert twice.shape[-1] == 71
    with torch.inference_mode():
        alone, both = network(picture), network(twice[..., 3:])
    assert torch.allclose(alone[..., :16], both[..., 32:48], atol=1e-5)


def test_every_parameter_learns():
    network = UNet(3, width=1 / 16)
    network(torch.randn(2, 3, 32, 32)).square().mean().backward()
    assert all(one.grad is not None and one.grad.abs().sum() > 0 for one in network.parameters())
