"""Heat maps to joints: the highest cell, refined within it in one of the two published ways."""

import math

import torch
from torch import Tensor

_BLUR = 11  # cells across of DARK's Gaussian
_SIGMA = 0.3 * ((_BLUR - 1) / 2 - 1) + 0.8  # OpenCV's for that width: 2 cells


def highest(maps: Tensor) -> tuple[Tensor, Tensor]:
    """Maps [B, K, h, w] to the highest cells int64 [B, K, 2] (x, y) and their values [B, K].

    Where nothing is above 0 the cell is (0, 0), as published.
    """
    score, cell = maps.flatten(2).max(2)
    cell = cell * (score > 0)
    return torch.stack((cell % maps.shape[3], cell // maps.shape[3]), -1), score


def quarter(maps: Tensor) -> Tensor:
    """Maps [B, K, h, w] to [B, K, 3]: x, y in cells, 0 at the middle of the first, and the highest value.

    Each coordinate moves a quarter of a cell towards the higher neighbour, unless the cell is one of the map's
    first two or its last on either axis.
    Source: Newell et al., arXiv 1603.06937, section 3.3; get_final_preds of
    github.com/leoxiaobin/deep-high-resolution-net.pytorch.
    """
    cells, score = highest(maps)
    around = _around(maps, cells, ((1, 0), (-1, 0), (0, 1), (0, -1)))
    shift = torch.sign(around[..., 0::2] - around[..., 1::2]) * 0.25
    moved = cells + shift * _inside(cells, maps.shape[2:], 1)[..., None]
    return torch.cat((moved, score[..., None]), -1)


def dark(maps: Tensor) -> Tensor:
    """Maps [B, K, h, w] to [B, K, 3]: x, y in cells, 0 at the middle of the first, and the highest value.

    The maps are blurred, stretched to the maximum that they had, and one Newton step is taken from the highest
    cell on their logarithm; not from the map's two first or last cells on either axis, nor where the Hessian is
    singular. The step is not bounded, as published: on a map that is no blob it may leave the map.
    Source: Zhang et al. (DARK), arXiv 1910.06278, equations 5 to 10; github.com/yangsenius/TransPose.
    """
    cells, score = highest(maps)
    smooth = blurred(maps)
    stretch = score / smooth.amax((2, 3))
    offsets = [(dx, dy) for dy in range(-2, 3) for dx in range(-2, 3)]
    values = _around(smooth, cells, offsets) * stretch[..., None]
    logs = values.clamp(min=1e-10).log().unflatten(-1, (5, 5))  # [B, K, 5, 5]: y, x
    dx, dy = (logs[..., 2, 3] - logs[..., 2, 1]) / 2, (logs[..., 3, 2] - logs[..., 1, 2]) / 2
    dxx = (logs[..., 2, 4] - 2 * logs[..., 2, 2] + logs[..., 2, 0]) / 4
    dyy = (logs[..., 4, 2] - 2 * logs[..., 2, 2] + logs[..., 0, 2]) / 4
    dxy = (logs[..., 3, 3] - logs[..., 1, 3] - logs[..., 3, 1] + logs[..., 1, 1]) / 4
    determinant = dxx * dyy - dxy**2
    step = torch.stack((dxy * dy - dyy * dx, dxy * dx - dxx * dy), -1) / determinant[..., None]
    usable = _inside(cells, maps.shape[2:], 2) & (determinant != 0)
    return torch.cat((torch.where(usable[..., None], cells + step, cells).to(maps.dtype), score[..., None]), -1)


def blurred(maps: Tensor) -> Tensor:
    """Maps [B, K, h, w] under OpenCV's Gaussian of 11 x 11 cells, zeros around them, in float64.

    As products with band matrices: on CUDA a convolution would round to TF32, and logarithms show it.
    """
    rows, columns = (_band(count, maps.device) for count in maps.shape[2:])
    return rows @ maps.double() @ columns


def _band(count: int, device: torch.device) -> Tensor:
    """Symmetric [count, count]: the weight of each cell in each cell's blur."""
    cells = torch.arange(count, device=device)
    apart = (cells[:, None] - cells).abs()
    bell = torch.exp(-(apart.double() ** 2) / (2 * _SIGMA**2)) * (apart <= _BLUR // 2)
    return bell / sum(math.exp(-(d**2) / (2 * _SIGMA**2)) for d in range(-(_BLUR // 2), _BLUR // 2 + 1))


def _around(maps: Tensor, cells: Tensor, offsets: list[tuple[int, int]] | tuple[tuple[int, int], ...]) -> Tensor:
    """Values [B, K, N] of maps [B, K, h, w] at N offsets (x, y) from cells [B, K, 2], clamped to the map."""
    h, w = maps.shape[2:]
    at = cells[:, :, None] + torch.tensor(offsets, device=maps.device)
    flat = at[..., 1].clamp(0, h - 1) * w + at[..., 0].clamp(0, w - 1)
    return maps.flatten(2).gather(2, flat)


def _inside(cells: Tensor, size: tuple[int, int] | torch.Size, border: int) -> Tensor:
    """bool [B, K]: whether cells [B, K, 2] lie after the first two and before the last `border` on both axes."""
    last = torch.tensor((size[1] - border, size[0] - border), device=cells.device)
    return ((cells > 1) & (cells < last)).all(-1)
