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
    near = nearness(rough, box, sides)
    near = near.mul_(heatmap.sigmoid()[:, None])  # [B, P, K, h, w]
    best = near.flatten(3).argmax(3)  # [B, P, K]
    moved = offset.view(B, K, 2, h * w).gather(3, best.transpose(1, 2)[:, :, None].expand(B, K, 2, PEOPLE))
    exact = torch.stack((best // w, best % w), -1) + moved.permute(0, 3, 1, 2)
    seen = near.flatten(3).gather(3, best.transpose(1, 2)[:, None].expand(B, PEOPLE, K, PEOPLE))
    seen = seen.amax(1).transpose(1, 2)  # [B, P, K]
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


def nearness(rough: Tensor, box: Tensor, sides: Tensor) -> Tensor:
    """[B, P, K, h, w]: exp(-d^2 / (0.3 x smaller side)) of the distance to rough [B, P, K, 2]; 0 outside the box.

    The bell and the box are products of a row's and a column's part.
    """
    parts = []
    for axis, count in enumerate(sides.int().tolist()):
        cells = torch.arange(count, device=rough.device, dtype=torch.float32)
        bell = torch.exp(-((cells - rough[..., axis, None]) ** 2) / (REACH * sides.min()))
        inside = (cells >= box[:, :, 0, axis, None]) & (cells < box[:, :, 1, axis, None])
        parts.append(bell * inside[:, :, None])
    return parts[0][..., None] * parts[1][..., None, :]


def _at(maps: Tensor, cells: Tensor) -> Tensor:
    """maps [B, C, h, w] at flat cells [B, P]: [B, P, C]."""
    return maps.flatten(2).gather(2, cells[:, None].expand(-1, maps.shape[1], -1)).transpose(1, 2)
