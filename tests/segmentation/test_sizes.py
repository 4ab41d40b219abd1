import numpy as np
import pytest
import torch
from PIL import Image

from forecast.segmentation.sizes import FixedSize, PixelBudget, ShorterSide, resized


def test_a_fixed_size_is_that_of_every_picture():
    assert FixedSize(512, 1024)((360, 480)) == (512, 1024)


@pytest.mark.parametrize(("size_hw", "expected"), [((100, 200), (50, 100)), ((90, 30), (150, 50))])
def test_the_shorter_side_is_brought_to_its_length(size_hw, expected):
    assert ShorterSide(50)(size_hw) == expected


@pytest.mark.parametrize("size_hw", [(1024, 2048), (360, 480), (194, 640), (1920, 1080), (64, 32)])
def test_a_budget_keeps_aspect_and_cost(size_hw: tuple[int, int]):
    height, width = PixelBudget(384 * 768, 32)(size_hw)
    assert height % 32 == width % 32 == 0
    assert height * width == pytest.approx(384 * 768, rel=0.1)
    assert height / width == pytest.approx(size_hw[0] / size_hw[1], rel=0.12)


def test_a_budget_never_comes_to_nothing():
    assert min(PixelBudget(64 * 64, 32)((10, 5000))) == 32


@pytest.mark.parametrize("size_hw", [(16, 24), (48, 100), (33, 64)])
def test_pictures_are_resized_as_pillow_does_within_a_level(size_hw: tuple[int, int]):
    rgb = np.random.default_rng(0).integers(0, 256, (32, 64, 3), np.uint8)
    height, width = size_hw
    expected = np.asarray(Image.fromarray(rgb).resize((width, height), Image.Resampling.BILINEAR))
    got = resized(torch.from_numpy(rgb).permute(2, 0, 1)[None], size_hw)[0].permute(1, 2, 0)
    assert np.abs(got.numpy().astype(int) - expected).max() <= 1


def test_a_picture_of_the_right_size_is_left_alone():
    pictures = torch.zeros(1, 3, 32, 64, dtype=torch.uint8)
    assert resized(pictures, (32, 64)) is pictures
