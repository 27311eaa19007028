"""Processes: what a training on several devices has in common."""

import torch
from torch import Tensor, distributed


@torch.no_grad()
def mean_over_processes(value: Tensor) -> Tensor:
    """The mean of a tensor of one shape over all processes of a training; the tensor itself where there is one.

    Every process has to ask for it, as often as the others.
    """
    if not (distributed.is_available() and distributed.is_initialized()):
        return value
    total = value.clone()
    distributed.all_reduce(total)
    return total / distributed.get_world_size()
