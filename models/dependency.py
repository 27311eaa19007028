"""Dependency: what the place of a joint looks at and what looks at it, by attention between the cells of a map.

Source: Yang et al., TransPose, arXiv 2012.14214, section 3.3 and figure 4 ("dependency areas", "affected areas");
github.com/yangsenius/TransPose, visualize.py. BTranspose (arXiv 2204.10209, figure 5) shows the same.
"""

from torch import Tensor
from torch.nn import functional as F

from posebeam.transforms.errors import ConfigError

WAYS = ("depends-on", "affects")
# At or below it nothing is shown, by the pixels of a cell: TransPose-R (and BTranspose, which has its cells), -H.
# Attention of a cell sums to 1 over 768 cells of the one, 3,072 of the other.
THRESHOLDS = {8: 0.01, 4: 0.00075}


def one_map(attention: Tensor, head: int | None = None) -> Tensor:
    """Attention [heads, queries, keys] of one picture to [queries, keys]: the mean over heads, or one of them."""
    if head is None:
        return attention.mean(0)
    if not 0 <= head < len(attention):
        raise ConfigError(f"head {head}: there are {len(attention)}, numbered from 0")
    return attention[head]


def cells(points: Tensor, size: tuple[int, int], image: tuple[int, int]) -> Tensor:
    """Points [K, 2] (x, y in pixels of an input of size `image`) to the numbers [K] of their cells, row by row.

    size: rows and columns of the map. A point outside the input has the nearest cell.
    """
    stride = image[0] // size[0]
    column, row = (points / stride).long().unbind(1)
    return row.clamp(0, size[0] - 1) * size[1] + column.clamp(0, size[1] - 1)


def areas(
    attention: Tensor, size: tuple[int, int], points: Tensor, image: tuple[int, int], way: str = "depends-on"
) -> Tensor:
    """One map of attention [hw, hw] between cells to [K, H, W] for points [K, 2] of an input (H, W) = image.

    depends-on: how much each place gives to the point's cell (a row of the map, which sums to 1 over cells);
    affects: how much each place takes from it (a column, whose sum may be anything).
    """
    if way not in WAYS:
        raise ConfigError(f"areas {way!r}, expected one of {', '.join(WAYS)}")
    chosen = (attention if way == "depends-on" else attention.T)[cells(points, size, image)]
    return enlarged(chosen.unflatten(1, size), image)


def enlarged(maps: Tensor, image: tuple[int, int]) -> Tensor:
    """Maps [K, h, w] to the pixels of an input, [K, H, W], bilinear between the middles of cells."""
    return F.interpolate(maps[None], image, mode="bilinear", align_corners=False)[0]


def shown(areas: Tensor, threshold: float) -> Tensor:
    """Areas [K, H, W] as published: what does not exceed the threshold is 0."""
    return areas * (areas > threshold)
