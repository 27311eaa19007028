"""Freed memory is handed out again without being faulted in again."""

import platform
import subprocess
import sys

import pytest

WORK = """
import resource
import numpy as np
from posebeam.models.allocator import keep_freed
assert {call}
faults = []
for step in range(20):
    before = resource.getrusage(resource.RUSAGE_SELF).ru_minflt
    arrays = [np.ones(2 << 20) for _ in range(6)]  # 16 MB each
    del arrays
    faults.append(resource.getrusage(resource.RUSAGE_SELF).ru_minflt - before)
print(sum(faults[5:]))
"""


THREADS = """
import threading
from pathlib import Path
from posebeam.models.allocator import keep_freed
assert keep_freed()
turn, together = threading.Lock(), threading.Barrier(16)
def decode():
    together.wait()
    with turn:
        pieces = [b"x" * (1 << 20) for _ in range(16)]
        del pieces
    together.wait()
def resident():
    lines = Path("/proc/self/status").read_text().splitlines()
    return next(int(line.split()[1]) for line in lines if line.startswith("VmHWM")) // 1024
before = resident()
threads = [threading.Thread(target=decode) for _ in range(16)]
[thread.start() for thread in threads]
[thread.join() for thread in threads]
print(resident() - before)
"""
on_glibc = pytest.mark.skipif(platform.libc_ver()[0] != "glibc", reason="the C library is not glibc")


def printed(program: str) -> int:
    done = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, check=True)
    return int(done.stdout)


@on_glibc
def test_freed_memory_is_not_faulted_in_again():
    assert printed(WORK.format(call="keep_freed()")) < 0.05 * printed(WORK.format(call="True"))


@on_glibc
def test_threads_keep_no_heap_each():
    """16 threads hold 16 MB each, one after the other: their heaps would sum up to 256 MB."""
    assert printed(THREADS) < 64
