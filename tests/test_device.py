import pytest
import torch
from torch import nn

from forecast.device import Placement, choose_device, has_cpu_bfloat16, place, placed, running
from forecast.errors import UsageError

CPU = Placement(device=torch.device("cpu"))


def test_auto_finds_a_device_that_works():
    assert torch.zeros(1, device=choose_device()).item() == 0


def test_an_unknown_device_is_answered_with_the_known_ones():
    with pytest.raises(UsageError, match="no device is called 'tpu'; known: auto, cuda, mps, cpu"):
        choose_device("tpu")


@pytest.mark.skipif(torch.cuda.is_available(), reason="this machine has cuda")
def test_cuda_without_cuda_is_refused():
    with pytest.raises(UsageError, match="no cuda device"):
        choose_device("cuda")


@pytest.mark.gpu
def test_a_cuda_index_beyond_the_last_is_refused():
    with pytest.raises(UsageError, match="cuda devices"):
        choose_device("cuda:99")


def test_an_unknown_precision_is_answered_with_the_known_ones():
    with pytest.raises(UsageError, match="known: float32, bfloat16"):
        Placement(device=torch.device("cpu"), precision="int4")


def test_a_processor_computes_in_float32_unless_told_otherwise():
    assert place("cpu").dtype == torch.float32


@pytest.mark.skipif(has_cpu_bfloat16(), reason="this processor has bfloat16")
def test_bfloat16_without_the_instructions_is_refused():
    with pytest.raises(UsageError, match="no bfloat16 arithmetic"):
        place("cpu", "bfloat16")


def test_bfloat16_computes_in_bfloat16():
    layer = nn.Linear(4, 4)
    with running(layer, Placement(device=torch.device("cpu"), precision="bfloat16")) as ready:
        assert ready(torch.zeros(1, 4)).dtype == torch.bfloat16
    assert layer(torch.zeros(1, 4)).dtype == torch.float32


def _modes(network: nn.Module) -> list[bool]:
    return [part.training for part in network.modules()]


def test_a_network_comes_out_in_the_mode_it_went_in_with():
    network = nn.Sequential(nn.Dropout(), nn.Sequential(nn.Dropout(), nn.BatchNorm1d(3)))
    network[1][1].eval()
    before = _modes(network)
    with running(network, CPU) as ready:
        assert not any(_modes(ready))
        assert torch.is_inference_mode_enabled()
    assert _modes(network) == before
    assert not torch.is_inference_mode_enabled()


def test_a_fault_inside_leaves_nothing_changed():
    network = nn.Dropout()
    with pytest.raises(RuntimeError, match="boom"), running(network, CPU):
        raise RuntimeError("boom")
    assert network.training
    assert torch.is_grad_enabled()


def test_a_placed_network_lies_as_the_placement_says():
    network = placed(nn.Conv2d(4, 4, 3), CPU)
    assert network.weight.is_contiguous(memory_format=torch.channels_last)
    batch = CPU.put(torch.zeros(2, 4, 8, 8))
    assert batch.is_contiguous(memory_format=torch.channels_last)
    assert CPU.put(batch) is batch
