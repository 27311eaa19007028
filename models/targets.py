"""Targets: the heat maps that a top-down network is trained towards, in both published families."""

import torch
from torch import Tensor

SIGMA = 2.0  # cells


def on_cells(
    joints: Tensor, visible: Tensor, size: tuple[int, int], sigma: float = SIGMA
) -> tuple[Tensor, Tensor]:
    """Gaussians around the middle of the nearest cell, cut at 3 sigma: SimpleBaseline's and HRNet's.

    joints [B, K, 2] (x, y in cells of maps of size (h, w): crop pixels / stride), visible [B, K] (0 or 1) to
    maps float32 [B, K, h, w] and weight float32 [B, K]. A joint outside keeps its weight while its square of
    3 sigma, rounded towards zero, touches the map, as published.
    Source: generate_target of github.com/microsoft/human-pose-estimation.pytorch.
    """
    middle = (joints.double() + 0.5).trunc()
    weight = _touching(middle, size, sigma) * visible.float()
    return _bells(middle, size, sigma, reach=3 * sigma) * (weight > 0.5)[..., None, None], weight


def between_cells(
    joints: Tensor, visible: Tensor, size: tuple[int, int], sigma: float = SIGMA
) -> tuple[Tensor, Tensor]:
    """Gaussians exactly around the joint, over the whole map: TransPose's and BTranspose's. As `on_cells` else.

    Source: generate_target of github.com/yangsenius/TransPose, after Zhang et al. (DARK), arXiv 1910.06278.
    """
    weight = _touching(joints.double(), size, sigma) * visible.float()
    return _bells(joints.double(), size, sigma) * (weight > 0.5)[..., None, None], weight


def _touching(middle: Tensor, size: tuple[int, int], sigma: float) -> Tensor:
    """bool [B, K]: whether the square of 3 sigma about middle [B, K, 2] touches the map."""
    end = torch.tensor((size[1], size[0]), device=middle.device)
    low, high = (middle - 3 * sigma).trunc(), (middle + 3 * sigma + 1).trunc()
    return ((low < end) & (high >= 0)).all(-1)


def _bells(middle: Tensor, size: tuple[int, int], sigma: float, reach: float = float("inf")) -> Tensor:
    """float32 [B, K, h, w]: 1 at middle [B, K, 2], 0 from `reach` cells on; a column's part times a row's."""
    parts = []
    for axis, count in ((1, size[0]), (0, size[1])):
        away = torch.arange(count, device=middle.device) - middle[..., axis, None]
        parts.append((torch.exp(-(away**2) / (2 * sigma**2)) * (away.abs() <= reach)).float())
    return parts[0][..., None] * parts[1][..., None, :]
