"""Allocator: memory that a batch has freed is kept for the next one."""

import ctypes
from functools import cache

_M_TRIM_THRESHOLD, _M_MMAP_THRESHOLD, _M_ARENA_MAX = -1, -3, -8  # malloc.h
_LARGEST_FROM_HEAP = 32 << 20  # bytes; older glibc allows no more
_KEPT_FREE = 1 << 30  # bytes at the end of a heap
_HEAPS = 2  # one for the main thread, one for all others


@cache
def keep_freed() -> bool:
    """Tell the C library to hand freed memory out again instead of giving it back; False where it is not glibc.

    A network's activations come and go in tens of megabytes. By default glibc returns them to the system every
    time, and each page is faulted in again: a quarter of the time of MoveNet Lightning on one core. Concerns the
    whole process. What it holds at its peak stays the same; it holds it until it ends.
    Threads share a heap: decoding runs in a thread a clip, and what each kept for itself grew with their number.
    """
    try:
        mallopt = ctypes.CDLL("libc.so.6").mallopt
    except (OSError, AttributeError):  # another C library, another system
        return False
    options = {_M_MMAP_THRESHOLD: _LARGEST_FROM_HEAP, _M_TRIM_THRESHOLD: _KEPT_FREE, _M_ARENA_MAX: _HEAPS}
    return all(mallopt(option, value) for option, value in options.items())
