"""Pose objectives: which loss takes what from a pose network's output and from a batch."""

from collections.abc import Callable, Mapping
from typing import Any

import torch
from torch import Tensor, nn

from posebeam.models.losses.heatmaps import joint_mse
from posebeam.models.losses.joint_set import joint_set_loss
from posebeam.models.losses.sequential import sequential_loss
from posebeam.models.losses.sinkhorn import joint_sinkhorn
from posebeam.models.losses.sinkhorn_unused import sinkhorn_unused
from posebeam.models.losses.terms import Terms
from posebeam.models.row import Row
from posebeam.models.targets import between_cells, on_cells
from posebeam.models.top_down import STRIDE
from posebeam.transforms.framing import FRAMINGS
from posebeam.workflows.pose.data import PictureBatch, PoseBatch

# What the Sinkhorn loss counts beside the squared error: both are then of a size when training begins. Ours: the
# publication has no such training.
SINKHORN_WEIGHT = 0.01

Objective = Callable[[nn.Module, Any], Terms]


def make_objective(name: str, row: Row) -> Objective:
    """Network and batch to the scalar to lower and its parts; name is one of pose_recipe.OBJECTIVES."""
    if name == "people":
        return _people
    if name == "joints":
        return _Joints(row)
    return _Maps(row, _MAP_LOSSES[name])


def _squared(maps: Tensor, targets: Tensor, weight: Tensor) -> dict[str, Tensor]:
    return {"loss_maps": joint_mse(maps, targets, weight)}


def _with_sinkhorn(maps: Tensor, targets: Tensor, weight: Tensor) -> dict[str, Tensor]:
    carried = SINKHORN_WEIGHT * joint_sinkhorn(maps, targets, weight)
    return {"loss_maps": joint_mse(maps, targets, weight), "loss_sinkhorn": carried}


def _unused(maps: Tensor, targets: Tensor, weight: Tensor) -> dict[str, Tensor]:
    return {"loss_maps": sinkhorn_unused(maps, targets, weight).loss}


_MAP_LOSSES: Mapping[str, Callable[[Tensor, Tensor, Tensor], dict[str, Tensor]]] = {
    "maps": _squared,
    "maps-sinkhorn": _with_sinkhorn,
    "maps-sinkhorn-unused": _unused,
}


class _Maps:
    """Heat maps [B, K, h, w] against bells around the joints, as the row's family draws and measures them."""

    def __init__(self, row: Row, loss: Callable[[Tensor, Tensor, Tensor], dict[str, Tensor]]):
        self._input, self._less, self._loss = row.input, FRAMINGS[row.framing].less, loss
        self._grid = (row.input[0] // STRIDE, row.input[1] // STRIDE)
        self._draw = between_cells if self._less else on_cells

    def __call__(self, network: nn.Module, batch: PoseBatch) -> Terms:
        cells = to_cells(batch.joints, self._input, self._grid, self._less)
        targets, weight = self._draw(cells, batch.visible, self._grid)
        parts = self._loss(network(batch.image), targets, weight)
        return Terms(
            torch.stack(list(parts.values())).sum(), {name: part.detach() for name, part in parts.items()}
        )


def to_cells(joints: Tensor, size: tuple[int, int], grid: tuple[int, int], less: int) -> Tensor:
    """Joints [..., 2] (x, y) in pixels of an input of size (h, w) to cells of its map, float64 [..., 2].

    As transforms/framing.py has both, less being its way to measure: their middles are one point, and the width
    decides the zoom of both axes. 0 is the middle of the first pixel and of the first cell.
    """
    middle, middle_cell = (
        torch.tensor((side[1] - less, side[0] - less), dtype=torch.float64, device=joints.device) / 2
        for side in (size, grid)
    )
    return (joints.double() - middle) * ((grid[1] - less) / (size[1] - less)) + middle_cell


class _Joints:
    """PRTR's queries against the joints, which count in parts of the input's width and height."""

    def __init__(self, row: Row):
        self._sides = (row.input[1], row.input[0])

    def __call__(self, network: nn.Module, batch: PoseBatch) -> Terms:
        sides = torch.tensor(self._sides, dtype=batch.joints.dtype, device=batch.joints.device)
        return joint_set_loss(network(batch.image), batch.joints / sides, batch.visible)


def _people(network: nn.Module, batch: PictureBatch) -> Terms:
    """Sequential PRTR's people against those of the pictures."""
    said = network(batch.image, batch.padding)
    return sequential_loss(said, batch.boxes, batch.joints, batch.visible)
