"""MoveNet's decoder: raw maps to one person's joints."""

from functools import lru_cache

import torch
from torch import Tensor

from posebeam.models.networks.movenet import Heads

# 1.8 and 1 / cells as the published graph holds them, in fp16.
EPSILON = 1.7998046875


def decode(heads: Heads) -> Tensor:
    """Heads of h x w cells to [B, K, 3]: y and x as fractions of the picture's sides, score 0..1.

    The person is where sigmoid(center), weighted to favour the middle, is highest. From there `regress`
    points roughly at each joint; the joint is where sigmoid(heatmap) / (distance to that point + 1.8 cells)
    is highest, moved by `offset` of that cell. Score is sigmoid(heatmap) there.
    Source: the graph of MoveNet SinglePose 4, tfhub.dev/google/movenet.
    """
    center, heatmap, regress, offset = (head.float() for head in heads)
    B, K, h, w = heatmap.shape
    rows, columns, middle, fraction = _cells(h, w, center.device)
    cell = (center.sigmoid()[:, 0] * middle).flatten(1).argmax(1)  # [B]
    rough = _at(regress.view(B, K, 2, h, w), cell[:, None].expand(B, K))
    rough = rough + torch.stack((cell // w, cell % w), -1)[:, None]  # [B, K, 2] in cells
    score = heatmap.contiguous().sigmoid()
    dy = rows - rough[..., 0, None, None]  # [B, K, h, 1]
    dx = columns - rough[..., 1, None, None]  # [B, K, 1, w]
    near = score / (dy * dy + dx * dx).sqrt_().add_(EPSILON)
    best = near.flatten(2).argmax(2)  # [B, K]
    exact = _at(offset.view(B, K, 2, h, w), best) + torch.stack((best // w, best % w), -1)
    return torch.cat((exact * fraction, score.flatten(2).gather(2, best[..., None])), -1)


@lru_cache(maxsize=8)
@torch.inference_mode(False)  # who decodes later may want gradients
def _cells(h: int, w: int, device: torch.device) -> tuple[Tensor, Tensor, Tensor, Tensor]:
    """Of h x w cells: rows [h, 1], columns [w], weight of the middle [h, w], a cell's sides as fractions [2].

    Kept, for making them takes a fifth of a decode's time.
    """
    rows = torch.arange(h, device=device, dtype=torch.float32)[:, None]
    columns = torch.arange(w, device=device, dtype=torch.float32)
    fraction = torch.tensor((1 / h, 1 / w), device=device).half().float()
    return rows, columns, middle_weight(rows, columns), fraction


def middle_weight(rows: Tensor, columns: Tensor) -> Tensor:
    """[h, w]: 1 / (distance to the middle cell + 1.8 cells), in fp16 as published."""
    distance = torch.hypot(rows - len(rows) // 2, columns - len(columns) // 2)
    return (1 / (distance + 1.8)).half().float()


def _at(maps: Tensor, cells: Tensor) -> Tensor:
    """maps [B, K, 2, h, w] at flat cells [B, K]: [B, K, 2]."""
    B, K = cells.shape
    return maps.flatten(3).gather(3, cells[..., None, None].expand(B, K, 2, 1))[..., 0]
