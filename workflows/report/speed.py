"""Speed: how long a bare network takes for one input, measured here and now."""

import os
import platform
import time
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from statistics import median
from typing import Any

import torch
from torch import nn

_WARM, _LEAST, _MOST, _SECONDS = 10, 15, 300, 3.0  # calls before measuring, of the median, and its time


@dataclass(frozen=True)
class Speed:
    """The median over `calls` of one call at batch 1, in milliseconds, on one thread of a CPU."""

    milliseconds: float
    calls: int

    @property
    def per_second(self) -> float:
        """Inputs a second."""
        return 1000 / self.milliseconds


def batch_one(network: nn.Module, *shape: int) -> Speed:
    """The speed of a network on noise of this shape, [1, ...], in inference mode and on one thread.

    Calls are timed one by one after a warm-up, until some seconds are over: a slow network gets fewer.
    """
    x = torch.randn(*shape, generator=torch.Generator().manual_seed(0))
    if x.dim() == 4:  # pictures [1, 3, h, w], as models/batch.py gives them
        x = x.contiguous(memory_format=torch.channels_last)
        network = network.to(memory_format=torch.channels_last)
    before = torch.get_num_threads()
    torch.set_num_threads(1)
    try:
        with torch.inference_mode():
            return _timed(lambda: network(x))
    finally:
        torch.set_num_threads(before)


def _timed(call: Callable[[], Any]) -> Speed:
    began = time.perf_counter()
    for _ in range(_WARM):
        call()
        if time.perf_counter() - began > _SECONDS:
            break
    taken: list[float] = []
    began = time.perf_counter()
    while len(taken) < _MOST and (len(taken) < _LEAST or time.perf_counter() - began < _SECONDS):
        started = time.perf_counter()
        call()
        taken.append(time.perf_counter() - started)
        if time.perf_counter() - began > 4 * _SECONDS:
            break
    return Speed(1000 * median(taken), len(taken))


def machine() -> str:
    """What speed was measured on, in words; no name of the machine."""
    info = Path("/proc/cpuinfo")
    models = [
        line.split(":", 1)[1].strip()
        for line in (info.read_text(encoding="utf-8").splitlines() if info.is_file() else ())
        if line.startswith("model name")
    ]
    processor = models[0] if models else platform.processor() or platform.machine()
    return f"one thread of {processor}, torch {torch.__version__}{_busy()}"


def _busy() -> str:
    """A warning where other programs want more cores than there are: then time says less."""
    load, cores = os.getloadavg()[0], os.cpu_count() or 1
    return f" (a busy machine: load {load:.1f} on {cores} cores)" if load > cores else ""
