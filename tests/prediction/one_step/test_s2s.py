from __future__ import annotations

import pytest
import torch

from forecast.device import place
from forecast.errors import UsageError
from forecast.labels import CAMVID
from forecast.prediction.one_step.s2s import S2S, S2SNetwork, start_as_copy

CPU = place("cpu", "float32")


def _num_weights(network: S2SNetwork) -> int:
    return sum(one.numel() for one in network.parameters())


def test_it_has_the_published_number_of_weights() -> None:
    assert _num_weights(S2SNetwork(num_classes=19)) == 1_654_950


def _seen_from_the_centre(network: S2SNetwork, size: int = 64) -> tuple[int, int]:
    """First and last column of the input that the output's column size // 2 depends on."""
    with torch.no_grad():
        for weight in network.parameters():
            weight.fill_(0.01)
    window = torch.ones(1, 4, 2, size, size, requires_grad=True)
    forecast, _ = network(window)
    forecast[0, 0, size // 2, size // 2].backward()
    assert window.grad is not None
    columns = window.grad.abs().sum(dim=(0, 1, 2, 3)).nonzero().flatten()
    return int(columns.min()), int(columns.max())


def test_its_receptive_field_is_that_of_both_scales_together() -> None:
    network = S2SNetwork(num_classes=2, width=0.0625).double().float()
    first, last = _seen_from_the_centre(network)
    # Fine: 5, 3, 3, 5 reach 6 each way, columns 26 to 38; those lie in coarse columns 13 to 19,
    # whose four layers of 3 reach 4 each way, 9 to 23, which are columns 18 to 47.
    assert (first, last) == (18, 47)


def test_dilation_widens_the_receptive_field_at_no_weight() -> None:
    plain = S2SNetwork(num_classes=2, width=0.0625)
    wider = S2SNetwork(num_classes=2, width=0.0625, dilation=2)
    assert _num_weights(plain) == _num_weights(wider)
    # Two layers reach 2 instead of 1: fine columns 24 to 40 lie in coarse columns 12 to 20, whose
    # layers reach 8 to 24, which are columns 16 to 49.
    assert _seen_from_the_centre(wider) == (16, 49)


@pytest.mark.parametrize("size_hw", [(8, 16), (16, 10)])
def test_the_forecast_has_the_size_of_its_input_and_the_coarse_half_of_it(
    size_hw: tuple[int, int],
) -> None:
    network = S2SNetwork(num_classes=3, width=0.0625)
    fine, coarse = network(torch.rand(2, 4, 3, *size_hw))
    assert fine.shape == (2, 3, *size_hw)
    assert coarse.shape == (2, 3, size_hw[0] // 2, size_hw[1] // 2)


def test_the_fine_scale_adds_to_the_coarse() -> None:
    network = S2SNetwork(num_classes=3, width=0.0625)
    for weight in network.fine[-1].parameters():
        torch.nn.init.zeros_(weight)
    fine, coarse = network(torch.rand(1, 4, 3, 8, 8))
    assert torch.equal(fine, coarse.repeat_interleave(2, dim=2).repeat_interleave(2, dim=3))


def test_nothing_bounds_the_output() -> None:
    network = S2SNetwork(num_classes=3, width=0.0625)
    torch.nn.init.constant_(network.coarse[-1].bias, -5.0)
    one_step = S2S(network, placement=CPU, space=CAMVID, grid_hw=(8, 8))
    assert one_step.step(torch.rand(1, 4, 3, 8, 8)).min() < -1


def test_half_width_has_half_the_hidden_channels() -> None:
    assert S2SNetwork(num_classes=19, width=0.5).coarse[0].out_channels == 64


def _copying(num_classes: int, dilation: int = 1) -> S2SNetwork:
    network = S2SNetwork(num_classes=num_classes, width=0.3125, dilation=dilation)
    start_as_copy(network)
    return network


@pytest.mark.parametrize(("num_classes", "dilation"), [(19, 1), (19, 2), (3, 1)])
def test_started_as_a_copy_it_gives_back_the_last_map_and_its_half_size(
    num_classes: int, dilation: int
) -> None:
    window = torch.rand(2, 4, num_classes, 8, 16)
    fine, coarse = _copying(num_classes, dilation)(window)
    last = window[:, -1]
    assert (fine - last).abs().max() < 1e-5
    assert (coarse - torch.nn.functional.avg_pool2d(last, 2)).abs().max() < 1e-5


def test_a_copy_is_left_as_soon_as_there_is_something_to_learn() -> None:
    network = _copying(3)
    window, wanted = torch.rand(2, 4, 3, 8, 16), torch.rand(2, 3, 8, 16)
    optimizer = torch.optim.AdamW(network.parameters(), 1e-3)
    told: list[float] = []
    for _ in range(20):
        loss = (network(window)[0] - wanted).abs().mean()
        optimizer.zero_grad()
        loss.backward()
        optimizer.step()
        told.append(loss.item())
    assert told[-1] < 0.97 * told[0]


def test_a_network_too_narrow_to_copy_says_how_wide_it_must_be() -> None:
    with pytest.raises(UsageError, match=r"32 channels .* 19 classes .* at least 0\.297"):
        start_as_copy(S2SNetwork(num_classes=19, width=0.25))
