"""What this process holds at one moment: memory, threads, descriptors. Linux with glibc."""

from __future__ import annotations

import ctypes
import os
from pathlib import Path
from typing import NamedTuple

import numpy as np

_FIELDS = (
    "arena", "ordblks", "smblks", "hblks", "hblkhd",
    "usmblks", "fsmblks", "uordblks", "fordblks", "keepcost",
)  # fmt: skip


class MallInfo(ctypes.Structure):
    """What glibc tells of all heaps together (malloc.h, mallinfo2)."""

    _fields_ = [(name, ctypes.c_size_t) for name in _FIELDS]


class Holding(NamedTuple):
    """The process at one moment."""

    at_s: float
    live: bool
    rss_mb: float
    in_use_mb: float
    """What malloc has handed out: a leak shows here, a fragmented heap in `rss_mb` alone."""
    threads: int
    descriptors: int
    load: float


def holding(at_s, *, live=True):
    """Now."""
    libc = ctypes.CDLL(None)
    libc.mallinfo2.restype = MallInfo
    pages = int(Path("/proc/self/statm").read_text().split()[1])
    status = Path("/proc/self/status").read_text().splitlines()
    return Holding(
        at_s=at_s,
        live=live,
        rss_mb=pages * os.sysconf("SC_PAGESIZE") / 2**20,
        in_use_mb=libc.mallinfo2().uordblks / 2**20,
        threads=int(next(line for line in status if line.startswith("Threads")).split()[1]),
        descriptors=len(list(Path("/proc/self/fd").iterdir())),
        load=os.getloadavg()[0],
    )


def slope(holdings, name):
    """MB a minute, by least squares."""
    minutes = [one.at_s / 60 for one in holdings]
    return round(float(np.polyfit(minutes, [getattr(one, name) for one in holdings], 1)[0]), 3)
