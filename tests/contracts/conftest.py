"""A CUDA device for machines that have none: shapes and places are followed, values are not.

What lies on `cuda` is a fake tensor (`torch._subclasses.FakeTensorMode`), so that mixing devices
raises as it would there; what lies on the CPU is real, so that OpenCV runs; what comes back from
the device is zeros.
"""

from __future__ import annotations

from collections.abc import Iterator

import pytest
import torch
from torch._subclasses.fake_tensor import FakeTensor, FakeTensorMode
from torch.utils._pytree import tree_leaves, tree_map

from forecast.device import Placement


class PretendCuda(FakeTensorMode):
    """While it is entered, `cuda` is there."""

    def __init__(self) -> None:
        super().__init__(allow_non_fake_inputs=True)
        self._within = False

    def __torch_dispatch__(self, func, types, args=(), kwargs=None):
        """Fakes what touches the device, and runs the rest."""
        kwargs = kwargs or {}
        if self._within:
            # Its own work, such as the fake of a real operand, is none of ours.
            return super().__torch_dispatch__(func, types, args, kwargs)
        if not any(_on_device(one) for one in tree_leaves((args, kwargs))):
            return func(*args, **kwargs)
        self._within = True
        try:
            # Left real, an operand alone would be sent to the real device.
            args, kwargs = tree_map(self._faked, (args, kwargs))
            found = super().__torch_dispatch__(func, types, args, kwargs)
        finally:
            self._within = False
        return tree_map(_landed, found)

    def _faked(self, leaf):
        real = isinstance(leaf, torch.Tensor) and not isinstance(leaf, FakeTensor)
        return self.from_tensor(leaf) if real else leaf


def _on_device(leaf: object) -> bool:
    return isinstance(leaf, FakeTensor) or (isinstance(leaf, torch.device) and leaf.type == "cuda")


def _landed(leaf: object) -> object:
    if isinstance(leaf, FakeTensor) and leaf.device.type == "cpu":
        return torch.zeros(leaf.shape, dtype=leaf.dtype)
    return leaf


@pytest.fixture
def pretended_cuda() -> Iterator[Placement]:
    """A placement on a CUDA device that is there for this test only."""
    with PretendCuda():
        yield Placement(device=torch.device("cuda", 0))
