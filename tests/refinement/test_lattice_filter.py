"""The lattice against the true Gaussian, and its transpose."""

from __future__ import annotations

import pytest
import torch

from forecast.refinement.lattice_filter import Kernel, KernelSum
from forecast.refinement.permutohedral import build_lattice
from forecast.refinement.picture_points import bilateral_lattice, spatial_lattice


def _picture(height: int, width: int) -> torch.Tensor:
    """A smooth picture with one edge: what real ones are made of."""
    y, x = torch.linspace(0, 1, height)[:, None], torch.linspace(0, 1, width)
    plane = 90 + 60 * torch.sin(5 * x + 3 * y) + 60 * (x > 0.5 + 0 * y)
    return torch.stack([plane, plane * 0.8, 255 - plane])[None].clamp(0, 255).byte()


def _true(features: torch.Tensor, values: torch.Tensor) -> torch.Tensor:
    kernel = (-0.5 * torch.cdist(features, features) ** 2).exp()
    root = kernel.sum(1).rsqrt()
    return root[:, None] * (kernel @ (root[:, None] * values))


def _places(height: int, width: int) -> torch.Tensor:
    grid = torch.meshgrid(torch.arange(width), torch.arange(height), indexing="xy")
    return torch.stack(grid, -1).reshape(-1, 2).float()


def test_filters_are_nearly_the_true_gaussian() -> None:
    torch.manual_seed(0)
    rgb, values = _picture(48, 48), torch.rand(48 * 48, 4)
    places = _places(48, 48)
    colours = rgb[0].float().permute(1, 2, 0).reshape(-1, 3)
    pairs = [
        (spatial_lattice((1, 48, 48), 3.0, rgb.device), places / 3, 0.01),
        (bilateral_lattice(rgb, 20.0, 30.0), torch.cat([places / 20, colours / 30], 1), 0.06),
    ]
    for lattice, features, tolerance in pairs:
        found = KernelSum([Kernel(lattice)], [1.0])(values)
        wanted = _true(features, values)
        assert (found - wanted).norm() / wanted.norm() < tolerance


@pytest.mark.parametrize("normalisation", ["symmetric", "after"])
def test_the_transpose_is_the_transpose_and_not_the_filter(normalisation: str) -> None:
    torch.manual_seed(0)
    rgb = torch.randint(0, 255, (1, 3, 7, 8)).byte()
    read = torch.arange(0, 56, 3)
    kernels = [
        Kernel(bilateral_lattice(rgb, 4.0, 60.0), normalisation=normalisation, read=read),
        Kernel(spatial_lattice((1, 7, 8), 2.0, rgb.device), normalisation=normalisation, read=read),
    ]
    whole = KernelSum(kernels, [2.0, 0.5])
    matrix = whole.forward(torch.eye(len(read)).double())
    assert torch.allclose(whole.transposed(torch.eye(56).double()), matrix.t(), atol=1e-12)
    square = KernelSum(kernels[:1], [1.0], everywhere=False).forward(torch.eye(len(read)))
    assert (square - square.t()).norm() / square.norm() > 1e-3


def test_ones_stay_ones_when_normalised_after() -> None:
    rgb = torch.randint(0, 255, (1, 3, 9, 9)).byte()
    kernel = Kernel(bilateral_lattice(rgb, 4.0, 20.0), normalisation="after")
    filtered = KernelSum([kernel], [1.0])(torch.ones(81, 1))
    assert torch.allclose(filtered, torch.ones(81, 1), atol=1e-5)


def test_pictures_of_a_batch_do_not_touch() -> None:
    features, groups = torch.zeros(4, 2), torch.tensor([0, 0, 1, 1])
    filtered = KernelSum([Kernel(build_lattice(features, groups))], [1.0])(
        torch.tensor([[1.0], [1.0], [0.0], [0.0]])
    )
    assert torch.equal(filtered[2:], torch.zeros(2, 1))
    assert torch.allclose(filtered[:2], torch.ones(2, 1), atol=1e-5)
