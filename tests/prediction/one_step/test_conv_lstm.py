from __future__ import annotations

import pytest
import torch

from forecast.prediction.one_step.conv_lstm import ConvLSTMCell, ConvLSTMNetwork


def _woken(channels: int = 4, num_classes: int = 3) -> ConvLSTMNetwork:
    """A network whose last layer is no longer zero."""
    network = ConvLSTMNetwork(num_classes=num_classes, channels=channels)
    torch.nn.init.normal_(network.leave.weight, std=0.3)
    return network


def test_an_untrained_network_copies_the_last_map() -> None:
    window = torch.rand(2, 4, 3, 8, 16)
    fine, _ = ConvLSTMNetwork(num_classes=3, channels=4)(window)
    assert torch.equal(fine, window[:, -1])


@pytest.mark.parametrize("size_hw", [(8, 16), (6, 10)])
def test_the_forecast_has_the_size_of_its_input_and_the_coarse_half_of_it(
    size_hw: tuple[int, int],
) -> None:
    fine, coarse = _woken()(torch.rand(2, 4, 3, *size_hw))
    assert fine.shape == (2, 3, *size_hw)
    assert torch.equal(coarse, torch.nn.functional.avg_pool2d(fine, 2))


def test_nothing_is_remembered_between_calls() -> None:
    network, window = _woken(), torch.rand(1, 4, 3, 8, 16)
    first, _ = network(window)
    network(torch.rand(1, 4, 3, 8, 16))
    assert torch.equal(network(window)[0], first)


def test_every_past_map_and_their_order_matter() -> None:
    network, window = _woken(), torch.rand(1, 4, 3, 8, 16, requires_grad=True)
    fine, _ = network(window)
    (fine - window[:, -1]).square().sum().backward()
    assert window.grad is not None
    assert (window.grad.abs().amax(dim=(0, 2, 3, 4)) > 0).all()
    swapped = window.detach()[:, [1, 0, 2, 3]]
    assert not torch.allclose(network(swapped)[0], fine, atol=1e-6)


def test_a_window_of_any_length_is_read() -> None:
    assert _woken()(torch.rand(1, 2, 3, 8, 16))[0].shape == (1, 3, 8, 16)


def test_the_state_stays_within_one() -> None:
    cell = ConvLSTMCell(2)
    hidden, memory = torch.zeros(1, 2, 4, 4), torch.zeros(1, 2, 4, 4)
    for _ in range(20):
        hidden, memory = cell(100 * torch.randn(1, 2, 4, 4), hidden, memory)
    assert hidden.abs().max() <= 1


def _multiplications(network: ConvLSTMNetwork, window: torch.Tensor) -> int:
    """Those of every convolution in one forward pass."""
    counts: list[int] = []

    def count(layer: torch.nn.Module, _: object, result: torch.Tensor) -> None:
        assert isinstance(layer, torch.nn.Conv2d)
        counts.append(result.numel() * layer.weight[0].numel())

    for part in network.modules():
        if isinstance(part, torch.nn.Conv2d):
            part.register_forward_hook(count)
    network(window)
    return sum(counts)


def test_a_step_costs_at_most_a_billion_multiplications() -> None:
    # Convolutions cost in proportion to area: 64x128 is sixteen times this.
    network, window = ConvLSTMNetwork(num_classes=19), torch.rand(1, 4, 19, 16, 32)
    assert 0.8e9 < 16 * _multiplications(network, window) <= 1e9
