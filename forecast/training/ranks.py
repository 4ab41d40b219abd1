"""Which of several processes this is, and what they do one after the other.

Knows only what torchrun tells a process: its rank and how many there are.
"""

from __future__ import annotations

import os
from collections.abc import Generator
from contextlib import contextmanager
from datetime import timedelta

import torch

_PATIENCE = timedelta(days=7)
"""How long the others wait while the first prepares its data."""


def joined_group() -> tuple[int, int]:
    """Rank and number of processes; 0 and 1 where torchrun did not start us."""
    world = int(os.environ.get("WORLD_SIZE", "1"))
    if world == 1:
        return 0, 1
    if not torch.distributed.is_initialized():
        backend = "cpu:gloo,cuda:nccl" if torch.cuda.is_available() else "gloo"
        torch.distributed.init_process_group(backend, timeout=_PATIENCE)
    return torch.distributed.get_rank(), world


def local_device(name: str) -> str:
    """The device of that name; `cuda` is the GPU of this process where there are several."""
    rank = os.environ.get("LOCAL_RANK")
    return f"cuda:{rank}" if name == "cuda" and rank is not None else name


@contextmanager
def first_rank_first() -> Generator[None]:
    """The body, on the first process alone until it is done there, then on all others.

    For what the first leaves on disk and the others find.
    """
    rank, world = joined_group()
    if rank > 0:
        _meet()
    yield
    if world > 1 and rank == 0:
        _meet()


def _meet() -> None:
    torch.distributed.all_reduce(torch.zeros(1))
