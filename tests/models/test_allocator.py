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


def faults(call: str) -> int:
    done = subprocess.run(
        [sys.executable, "-c", WORK.format(call=call)], capture_output=True, text=True, check=True
    )
    return int(done.stdout)


@pytest.mark.skipif(platform.libc_ver()[0] != "glibc", reason="the C library is not glibc")
def test_freed_memory_is_not_faulted_in_again():
    assert faults("keep_freed()") < 0.05 * faults("True")
