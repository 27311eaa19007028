"""ExplainPeople: what DETR's queries looked at when they found people in a picture: a row a layer.

Source: Carion et al., arXiv 2005.12872, figure 6.
"""

from dataclasses import dataclass

import numpy as np
import torch
from numpy.typing import NDArray
from torch import nn

from posebeam.models.attended import chosen
from posebeam.models.attention import attention_maps
from posebeam.models.canvas import Canvas, Padded
from posebeam.models.crop import box_matrix, crop
from posebeam.models.decoders.detr import persons
from posebeam.models.dependency import enlarged, one_map
from posebeam.models.row import Row
from posebeam.workflows.explain.grid import Strip, Tile

MOST = 8  # people in a picture
CELL = 32  # pixels


@dataclass(frozen=True, eq=False)
class _Found:
    """People in the picture that the network saw: queries [P], how sure [P], boxes [P, 4] in its pixels."""

    query: list[int]
    sure: list[float]
    boxes: list[tuple[float, float, float, float]]


def people_strips(
    row: Row,
    network: nn.Module,
    label: str,
    frame: NDArray[np.uint8],
    device: torch.device,
    layers: tuple[str, ...] = (),
    head: int | None = None,
) -> list[Strip]:
    """A row a layer, a picture a person from the surest on; the first picture is the frame.

    People are those at or above the row's min_person, 8 at most; where there is none, the surest guess.
    """
    canvas, padded = Canvas.of(row, device), Padded(network).to(device)
    size = canvas.picture(frame.shape)  # alone, a picture needs no padding
    whole = box_matrix((0, 0, frame.shape[1], frame.shape[0]), size)
    under = (
        crop([frame], whole[None], size, torch.device("cpu"))[0].round().to(torch.uint8).permute(1, 2, 0).numpy()
    )
    paths = chosen(network, layers)
    with attention_maps(network) as maps, torch.inference_mode():
        outputs = padded(canvas.prepare(size, [frame]))
    found = _people(persons(outputs)[0].cpu(), size, row.min_person)
    strips = []
    for layer, path in paths.items():
        attention = one_map(maps[path][0].float().cpu(), head)[found.query]  # [P, hw]
        heat = enlarged(attention.unflatten(1, (-(-size[0] // CELL), -(-size[1] // CELL))), size).numpy()
        tiles = [
            Tile(f"{'person' if sure >= row.min_person else 'surest guess'} {number}: {sure:.2f}", area, box=box)
            for number, (area, sure, box) in enumerate(zip(heat, found.sure, found.boxes, strict=True), 1)
        ]
        strips.append(Strip(f"{label}\ndecoder layer {layer}", under, under, tiles))
    return strips


def _people(found: torch.Tensor, size: tuple[int, int], least: float) -> _Found:
    """From [Q, 5]: how sure a query is of a person, and corners in fractions of a picture (H, W)."""
    order = found[:, 0].argsort(descending=True, stable=True)
    count = int((found[:, 0] >= least).sum())
    order = order[: min(max(count, 1), MOST)]
    pixels = found[order, 1:] * torch.tensor((size[1], size[0], size[1], size[0])) - 0.5
    boxes = [(x0, y0, x1, y1) for x0, y0, x1, y1 in pixels.tolist()]
    return _Found(order.tolist(), found[order, 0].tolist(), boxes)
