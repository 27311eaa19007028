"""Sine: the table of positions that TransPose, DETR and PRTR add to queries and keys."""

import math

import torch
from torch import Tensor

TEMPERATURE = 10_000
EPSILON = 1e-6


def sine(inside: Tensor, width: int) -> Tensor:
    """bool [B, h, w], where a cell belongs to the picture and not to its padding, to positions [B, h, w, width].

    A cell's row and column, counted from 1 inside the picture and scaled so that the last of them is 2 pi, each
    in width / 2 sines and cosines in turn, the rows' first: the normalised form of DETR (arXiv 2005.12872,
    appendix A.4), after Vaswani et al., arXiv 1706.03762, section 3.5.
    """
    half = width // 2
    step = torch.arange(half, device=inside.device) // 2
    wavelength = TEMPERATURE ** (2 * step / half)  # [half]
    waves = []
    for axis in (1, 2):
        count = inside.cumsum(axis, dtype=torch.float32)
        last = count.narrow(axis, -1, 1)
        angle = (count / (last + EPSILON) * (2 * math.pi))[..., None] / wavelength  # [B, h, w, half]
        waves.append(torch.stack((angle[..., 0::2].sin(), angle[..., 1::2].cos()), -1).flatten(-2))
    return torch.cat(waves, -1)


def sine_table(size: tuple[int, int], width: int) -> Tensor:
    """The positions [h w, width] of a picture of size (h, w) without padding, row by row."""
    return sine(torch.ones((1, *size), dtype=torch.bool), width)[0].flatten(0, 1)
