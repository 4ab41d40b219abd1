"""Where and in what precision a network runs, decided and restored in one place.

Promises that a network comes out of `running` in the mode it went in with, whatever happened in
between. Does not know what the network does.
"""

from __future__ import annotations

from collections.abc import Generator
from contextlib import contextmanager
from dataclasses import dataclass
from typing import TypeVar

import torch
from torch import Tensor, nn

from forecast.errors import UsageError

DEVICES = ("auto", "cuda", "mps", "cpu")
PRECISIONS: dict[str, torch.dtype] = {"float32": torch.float32, "bfloat16": torch.bfloat16}

_Network = TypeVar("_Network", bound=nn.Module)


@dataclass(frozen=True, slots=True, kw_only=True)
class Placement:
    """Where a network runs, in what precision, and how its feature maps lie in memory."""

    device: torch.device
    precision: str = "float32"
    """A key of `PRECISIONS`; weights stay float32 and bfloat16 is reached by autocast."""
    channels_last: bool = True
    """Whether channels lie innermost: faster for convolutions, slower for transformers."""

    def __post_init__(self) -> None:
        if self.precision not in PRECISIONS:
            known = ", ".join(PRECISIONS)
            raise UsageError(f"no precision is called {self.precision!r}; known: {known}")

    @property
    def dtype(self) -> torch.dtype:
        """What convolutions and matrix products are computed in."""
        return PRECISIONS[self.precision]

    @property
    def memory_format(self) -> torch.memory_format:
        """How four-dimensional tensors lie in memory."""
        return torch.channels_last if self.channels_last else torch.contiguous_format

    def put(self, batch: Tensor) -> Tensor:
        """The batch where and as the network wants it; the same tensor if it is so already."""
        return batch.to(self.device, memory_format=self.memory_format, non_blocking=True)


def choose_device(name: str = "auto") -> torch.device:
    """The device of that name; `auto` is the first of cuda, mps and cpu that is there.

    Raises:
        UsageError: The name is unknown, or this machine has no such device.
    """
    kind, _, index = name.partition(":")
    if kind not in DEVICES:
        raise UsageError(f"no device is called {name!r}; known: {', '.join(DEVICES)}")
    if kind == "auto":
        return torch.device(next(one for one in DEVICES[1:] if _is_there(one)))
    if not _is_there(kind):
        raise UsageError(f"torch finds no {kind} device on this machine; choose auto or cpu")
    if kind == "cuda" and index and int(index) >= torch.cuda.device_count():
        count = torch.cuda.device_count()
        raise UsageError(f"{name} was asked for and there are {count} cuda devices, from 0")
    return torch.device(name)


def _is_there(kind: str) -> bool:
    if kind == "cuda":
        return torch.cuda.is_available()
    return kind != "mps" or torch.backends.mps.is_available()


def place(name: str = "auto", precision: str | None = None) -> Placement:
    """The placement for a device name; precision None is bfloat16 on cuda, else float32.

    Raises:
        UsageError: No such device, no such precision, or a precision the device cannot compute.
    """
    device = choose_device(name)
    if precision is None:
        precision = "bfloat16" if device.type == "cuda" else "float32"
    placement = Placement(device=device, precision=precision)
    # Without the instructions torch falls back to loops that are ten times slower than float32.
    if device.type == "cpu" and precision == "bfloat16" and not has_cpu_bfloat16():
        raise UsageError("this processor has no bfloat16 arithmetic; leave precision at float32")
    return placement


def has_cpu_bfloat16() -> bool:
    """Whether the processor computes bfloat16 faster than float32 (AVX512-BF16 or AMX)."""
    native = torch.cpu._is_avx512_bf16_supported()  # pyright: ignore[reportPrivateUsage]
    return bool(native or torch.cpu._is_amx_tile_supported())  # pyright: ignore[reportPrivateUsage]


def placed(network: _Network, placement: Placement) -> _Network:
    """The network itself, moved once to where it will run."""
    # In one go: torch takes both, though its stubs say otherwise.
    return network.to(  # pyright: ignore[reportCallIssue]
        placement.device, memory_format=placement.memory_format
    )


@contextmanager
def running(network: _Network, placement: Placement) -> Generator[_Network]:
    """The network ready to answer: evaluation mode, no gradients, the chosen precision.

    What it returns inside are inference tensors: clone one before training on it. On leaving,
    every part of the network is back in the mode it had.
    """
    learning = [part for part in network.modules() if part.training]
    network.eval()
    autocast = torch.autocast(
        placement.device.type, placement.dtype, enabled=placement.dtype != torch.float32
    )
    try:
        with torch.inference_mode(), autocast:
            yield network
    finally:
        for part in learning:
            part.training = True
