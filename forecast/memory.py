"""How the process holds memory: large buffers are kept for the next frame, not given back.

By default glibc takes each large tensor fresh from the system and returns it when it is freed, so
that every frame pays for zeroed pages again: almost half of the time of a small network on a CPU
(benchmarks/kept_memory.py). Threads share two heaps: each reconnection of a live source starts new
threads, and a heap for each would be kept for good.
"""

from __future__ import annotations

import ctypes
import sys

# malloc.h
_M_TRIM_THRESHOLD = -1
_M_MMAP_MAX = -4
_M_ARENA_MAX = -8
_NEVER = 2**31 - 1
_ARENAS = 2


def keep_freed_memory() -> bool:
    """Whether freed memory now stays with this process; False where there is no glibc.

    Changes no result. Call it once, before networks run.
    """
    if sys.platform != "linux":
        return False
    mallopt = getattr(ctypes.CDLL(None), "mallopt", None)
    if mallopt is None:
        return False
    wanted = ((_M_ARENA_MAX, _ARENAS), (_M_MMAP_MAX, 0), (_M_TRIM_THRESHOLD, _NEVER))
    return all([bool(mallopt(option, value)) for option, value in wanted])
