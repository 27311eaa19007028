"""Cost: a network's multiply-adds, counted."""

import torch
from torch import nn
from torch.utils.flop_counter import FlopCounterMode

from posebeam.models.attention import attention_maps


def macs(network: nn.Module, size: tuple[int, int]) -> int:
    """Multiply-adds of convolutions and matrix products for one picture [1, 3, *size], attention's among them.

    The network may lie on the device meta, where shapes are computed and nothing else. What papers call GFLOPs of
    pose networks are mostly these, in billions.
    """
    device = next(network.parameters()).device
    counter = FlopCounterMode(display=False)
    # Fused attention is one call, which is not counted on every device; with its maps it is two products. The
    # counter follows modules by their gradients, and breaks where a parameter is passed on without.
    with torch.enable_grad(), attention_maps(network.eval()), counter:
        network(torch.zeros(1, 3, *size, device=device))
    return int(counter.get_total_flops()) // 2
