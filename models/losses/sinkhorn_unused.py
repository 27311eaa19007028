"""BTranspose's Sinkhorn loss as committed: a balanced table that is computed, and a loss that does not use it.

Source: JointsLoss_sinkhorn of github.com/kaushikb258/BTranspose (facts alone: it carries no licence).
"""

from typing import NamedTuple

import torch
from torch import Tensor

from posebeam.models.losses.heatmaps import joint_mse

TEMPERATURE = 0.05
ITERATIONS = 3


class UnusedSinkhorn(NamedTuple):
    """The loss, a scalar; and beside it the balanced maps [K, B, hw], which take no part in it."""

    loss: Tensor
    predicted: Tensor
    target: Tensor


def sinkhorn_unused(predicted: Tensor, target: Tensor, weight: Tensor | None = None) -> UnusedSinkhorn:
    """Maps [B, K, h, w], targets, weights [B, K]: the loss is `joint_mse`, whatever the balanced maps are."""
    with torch.no_grad():
        tables = [balanced(maps.float().flatten(2).transpose(0, 1)) for maps in (predicted, target)]
    return UnusedSinkhorn(joint_mse(predicted, target, weight), *tables)


def balanced(scores: Tensor) -> Tensor:
    """Scores [..., B, N] of B images and N cells to a table in which each image sums to 1.

    Cells are evened out over the batch, images over the cells, in turns; no distances and no truth are in it.
    In float32 scores above 4.4 overflow to NaN, and a batch of one becomes uniform: as committed.
    """
    images, cells = scores.shape[-2:]
    table = torch.exp(scores / TEMPERATURE)
    table = table / table.sum(-1, keepdim=True)
    for _ in range(ITERATIONS):
        table = table / table.sum(-2, keepdim=True) / cells
        table = table / table.sum(-1, keepdim=True) / images
    return table / table.sum(-1, keepdim=True)
