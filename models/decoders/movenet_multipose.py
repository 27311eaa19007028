"""MoveNet MultiPose's decoder: raw maps to up to six people's joints, boxes and scores."""

import torch
from torch import Tensor
from torch.nn import functional as F

from posebeam.models.networks.movenet import BoxHeads

PEOPLE = 6
# 1e-6, 0.3 and 0.127 as the published graph holds them, in fp16.
PLATEAU = 1.0132789611816406e-06  # a cell nearer than this to the highest around it is a peak
REACH = 0.300048828125  # variance of a joint about its rough position, in smaller sides of the map
COUNTED = 0.126953125  # a joint above it counts for the person's score


def decode(heads: BoxHeads) -> Tensor:
    """Heads of h x w cells to [B, 6, 3 K + 5]: y, x, score of each joint; ymin, xmin, ymax, xmax; score.

    All positions are fractions of the picture's sides; people from the surest on, score 0 where a picture has
    fewer. A person is a peak of sigmoid(center). From there `regress` points roughly at each joint; the
    joint is where sigmoid(heatmap) times a bell about that point is highest within the person's box, moved by
    `offset` of that cell; its score is the highest that this product has there for any of the people. A
    person's score is sigmoid(center) times the mean of the joints' scores above 0.127.
    Source: the graph of MoveNet MultiPose 1, tfhub.dev/google/movenet.
    """
    center, heatmap, regress, offset, box_scale, box_offset = (head.float() for head in heads)
    B, K, h, w = heatmap.shape
    sides = torch.tensor((h, w), device=center.device, dtype=torch.float32)
    score, cell = peaks(center.sigmoid()[:, 0])
    at = torch.stack((cell // w, cell % w), -1)  # [B, P, 2] in cells
    box = boxes(at + _at(box_offset, cell), _at(box_scale, cell), sides)
    rough = at[:, :, None] + _at(regress, cell).unflatten(2, (K, 2))  # [B, P, K, 2]
    cell_y, cell_x, seen = highest(heatmap.sigmoid().contiguous(), *nearness(rough, box, (h, w)))
    found = (cell_y * w + cell_x).transpose(1, 2)[:, :, None].expand(B, K, 2, PEOPLE)
    moved = offset.view(B, K, 2, h * w).gather(3, found).permute(0, 3, 1, 2)
    exact = torch.stack((cell_y, cell_x), -1) + moved
    counted = seen > COUNTED
    score = score * (seen * counted).sum(2) / counted.sum(2).clamp_(min=1)
    joints = torch.cat((exact / sides, seen[..., None]), -1).flatten(2)
    box = (box / sides).clamp_(0, 1).flatten(2)
    return torch.cat((joints, box, score[..., None]), -1)


def peaks(center: Tensor) -> tuple[Tensor, Tensor]:
    """Maps [B, h, w] to the six highest peaks' values and flat cells [B, 6]; a peak is highest of 5 x 5."""
    around = F.max_pool2d(center[:, None], 5, 1, 2)[:, 0]
    values, cells = (center * ((center - around).abs() < PLATEAU)).flatten(1).topk(PEOPLE)
    return values, cells


def boxes(middle: Tensor, size: Tensor, sides: Tensor) -> Tensor:
    """Middle and size [B, P, 2] (y, x) to lower and upper corners [B, P, 2, 2], within 0 and sides."""
    half = size.clamp(min=0) / 2
    corners = torch.stack((middle - half, middle + half), 2)
    return corners.clamp(min=torch.zeros_like(sides), max=sides)


def nearness(rough: Tensor, box: Tensor, sides: tuple[int, int]) -> tuple[Tensor, Tensor]:
    """Row's and column's parts [B, P, K, h] and [B, P, K, w] of exp(-d^2 / (0.3 x smaller side)) within the box.

    d is the distance to rough [B, P, K, 2]; a cell is in the box [B, P, 2, 2] from its lower corner up to, but
    without, the upper one. Outside it is 0.
    """
    parts = []
    for axis, count in enumerate(sides):
        cells = torch.arange(count, device=rough.device, dtype=torch.float32)
        bell = torch.exp(-((cells - rough[..., axis, None]) ** 2) / (REACH * min(sides)))
        inside = (cells >= box[:, :, 0, axis, None]) & (cells < box[:, :, 1, axis, None])
        parts.append(bell * inside[:, :, None])
    return parts[0], parts[1]


def highest(heat: Tensor, rows: Tensor, columns: Tensor) -> tuple[Tensor, Tensor, Tensor]:
    """Where heat [B, K, h, w] x rows [B, P, K, h] x columns [B, P, K, w] is highest: y, x and score [B, P, K].

    First the highest row, then the highest in it: amax is many times as fast as argmax. The score is
    the highest that any of the people's products has there.
    """
    across = heat[:, None] * columns[..., None, :]  # [B, P, K, h, w]
    y = (across.amax(4) * rows).argmax(3)
    row = across.gather(3, y[..., None, None].expand_as(across[..., :1, :]))[..., 0, :]
    x = (row * rows.gather(3, y[..., None])).argmax(3)  # a product that is 0 everywhere is highest at (0, 0)
    of_all = (len(heat), PEOPLE, heat.shape[1], PEOPLE)  # everybody's product in everybody's cells
    at_y, at_x = (cell.transpose(1, 2)[:, None].expand(of_all) for cell in (y, x))
    product = across.flatten(3).gather(3, at_y * heat.shape[3] + at_x) * rows.gather(3, at_y)
    return y, x, product.amax(1).transpose(1, 2)


def _at(maps: Tensor, cells: Tensor) -> Tensor:
    """maps [B, C, h, w] at flat cells [B, P]: [B, P, C]."""
    return maps.flatten(2).gather(2, cells[:, None].expand(-1, maps.shape[1], -1)).transpose(1, 2)
