"""Crop: the only affine. Pieces of frames, sampled into a network's input."""

from collections.abc import Sequence

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor
from torch.nn import functional as F

from posebeam.models.batch import upload


def box_matrix(box: Sequence[float], size: tuple[int, int]) -> NDArray[np.float64]:
    """[2, 3]: from the pixels of an input of size (h, w) to source pixels in the box x0, y0, x1, y1."""
    x0, y0, x1, y1 = box
    return np.array([[(x1 - x0) / size[1], 0, x0], [0, (y1 - y0) / size[0], y0]])


def crop(
    frames: Sequence[NDArray[np.uint8]],
    to_source: NDArray[np.float64],
    size: tuple[int, int],
    device: torch.device,
) -> Tensor:
    """Frames uint8 [H, W, 3] of any sizes through maps [b, 2, 3] to float32 [b, 3, h, w], 0..255.

    A map takes a point (x, y) of the input to the source; 0 is the top left corner of the top left pixel.
    Bilinear, without antialias, black outside the frame. Memory format channels_last.
    """
    by_size: dict[tuple[int, ...], list[int]] = {}
    for index, frame in enumerate(frames):
        by_size.setdefault(frame.shape, []).append(index)
    pieces = []
    for indices in by_size.values():
        source = upload(np.stack([frames[i] for i in indices]), device)
        pieces.append(sample(source, upload(to_source[indices], device), size))
    if len(pieces) == 1:
        return pieces[0]
    order = [i for indices in by_size.values() for i in indices]
    return torch.cat(pieces)[np.argsort(order)]


def sample(source: Tensor, to_source: Tensor, size: tuple[int, int]) -> Tensor:
    """uint8 [b, H, W, 3] through maps float64 [b, 2, 3] to float32 [b, 3, h, w], as `crop` does."""
    half = torch.tensor(source.shape[2:0:-1], device=source.device) / 2
    # grid_sample wants -1..1 over the frame; sums of a row and a column are cheaper than affine_grid, and cheaper
    # still as complex numbers: an axis of two is slow.
    linear, shift = to_source[:, :, :2] / half[:, None], to_source[:, :, 2] / half - 1
    along_x = linear[:, None, :, 0] * _centres(size[1], source.device)[:, None]  # [b, w, 2]
    along_y = linear[:, None, :, 1] * _centres(size[0], source.device)[:, None] + shift[:, None]  # [b, h, 2]
    columns, rows = (torch.view_as_complex(along.float()) for along in (along_x, along_y))
    grid = torch.view_as_real(columns[:, None] + rows[:, :, None])  # [b, h, w, 2]
    return F.grid_sample(source.permute(0, 3, 1, 2).float(), grid, align_corners=False)


def _centres(count: int, device: torch.device) -> Tensor:
    """Where the middles of pixels lie: 0.5, 1.5, ..."""
    return torch.arange(count, device=device, dtype=torch.float64) + 0.5
