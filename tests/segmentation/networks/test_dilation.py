import pytest
import torch

from forecast.segmentation.networks.dilation import MARGIN, Context, Dilation


def _count(part: torch.nn.Module) -> int:
    return sum(one.numel() for one in part.parameters())


def test_dilation10_has_the_published_parameters():
    with torch.device("meta"):
        network = Dilation(19, norm=False)
    assert _count(network) == 134_368_179
    assert _count(network.front) == 134_338_387
    assert _count(network.context) == 29_792


def test_the_contexts_have_the_published_parameters():
    with torch.device("meta"):
        camvid = Dilation(11, name="dilation8", norm=False)
        voc = Dilation(21, name="dilation8", norm=False, large=True)
        kitti = Dilation(11, name="dilation7", norm=False)
    assert _count(camvid) == 134_313_443
    assert _count(camvid.context) == 7_832
    assert _count(voc.context) == 6_803_139
    assert len([one for one in kitti.context.layers if hasattr(one, "weight")]) == 7


def test_1396_pixels_become_128_cells():
    with torch.device("meta"):
        network = Dilation(19, norm=False, mirrored=True)
        assert network.front(torch.empty(1, 3, 1396, 1396)).shape == (1, 19, 128, 128)
    assert 1024 + 2 * MARGIN == 1396


@pytest.mark.parametrize("large", [True, False])
@pytest.mark.parametrize("is_mirrored", [True, False])
@pytest.mark.parametrize("size_hw", [(16, 24), (17, 31)])
def test_a_cell_is_eight_pixels(size_hw: tuple[int, int], is_mirrored: bool, large: bool):
    network = Dilation(3, name="dilation8", width=1 / 64, mirrored=is_mirrored, large=large).eval()
    with torch.inference_mode():
        scores, front = network.every_head(torch.rand(1, 3, *size_hw))
    assert scores.shape == front.shape == (1, 3, -(-size_hw[0] // 8), -(-size_hw[1] // 8))


@pytest.mark.parametrize("padded", [True, False])
@pytest.mark.parametrize("large", [True, False])
def test_a_new_context_changes_no_answer_that_is_positive(large: bool, padded: bool):
    context = Context(5, (1, 1, 2, 4, 8, 16), large=large, padded=padded)
    scores = torch.rand(2, 5, 40, 48) + 3 * torch.nn.functional.one_hot(
        torch.randint(5, (2, 40, 48)), 5
    ).movedim(-1, 1)
    with torch.inference_mode():
        passed = context(scores)
    assert passed.shape == scores.shape
    assert torch.equal(passed.argmax(1), scores.argmax(1))
    if not large:
        assert (passed - scores).abs().mean() < 0.5


def test_a_new_context_gives_each_class_to_its_own_channels():
    context = Context(4, (1, 1, 2, 4, 8, 16), large=True, padded=True)
    first, second = context.layers[0], context.layers[2]
    middle = first.weight[:, :, 1, 1]
    assert (middle[0, 0] - 1).abs() < 0.1
    assert (middle[1, 0] - 1).abs() < 0.1
    assert (middle[2, 1] - 1).abs() < 0.1
    assert middle[2, 0].abs() < 0.1
    assert (second.weight[0, :2, 1, 1] - 0.5).abs().max() < 0.1


def test_zeros_at_the_border_change_what_lies_near_it_alone():
    """The same weights see the middle of a large picture alike with both kinds of border."""
    torch.manual_seed(1)
    valid = Dilation(3, name="dilation7", width=1 / 64, norm=False, mirrored=True).eval()
    zeros = Dilation(3, name="dilation7", width=1 / 64, norm=False).eval()
    zeros.load_state_dict(valid.state_dict())
    picture = torch.rand(1, 3, 480, 480)
    with torch.inference_mode():
        first, second = valid.front(mirror(picture)), zeros.front(picture)
    assert first.shape == second.shape
    # Valid convolutions lose 23 and a quarter cells a side; what is left is the picture's own.
    inner = (..., slice(24, 36), slice(24, 36))
    assert not torch.allclose(first, second, atol=1e-5)
    assert torch.allclose(first[inner], second[inner], atol=1e-5)


def mirror(picture: torch.Tensor) -> torch.Tensor:
    from forecast.segmentation.networks.blocks import mirrored

    return mirrored(picture, top=MARGIN, bottom=MARGIN, left=MARGIN, right=MARGIN)


def test_every_parameter_of_the_front_end_learns():
    network = Dilation(3, name="dilation8", width=1 / 32)
    scores, front = network.every_head(torch.randn(2, 3, 32, 32))
    (scores.square().mean() + front.square().mean()).backward()
    assert all(one.grad is not None for one in network.parameters())
