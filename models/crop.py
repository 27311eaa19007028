"""Crop: the only affine. Pieces of frames, sampled into a network's input."""

import math
from collections.abc import Sequence
from typing import Any

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
    Bilinear, without antialias, black outside the frame. Contiguous: who runs the network orders its axes.
    """
    pieces, corners = list(frames), np.zeros((len(frames), 2))
    if device.type == "cpu":  # each for itself stays in a core's cache; a GPU wants few large calls
        reaches = [_reach(*pair, size) for pair in zip(frames, to_source, strict=True)]
        pieces = [frame[y0:y1, x0:x1] for frame, (x0, y0, x1, y1) in zip(frames, reaches, strict=True)]
        corners = np.array([reach[:2] for reach in reaches])
        groups: list[slice | list[int]] = [slice(index, index + 1) for index in range(len(frames))]
    else:
        groups = [*_by_size(frames)]
    sizes = np.array([piece.shape[1::-1] for piece in pieces])
    columns, rows = (upload(part, device) for part in _along(to_source, corners, sizes, size))
    images = torch.empty((len(frames), 3, *size), device=device)
    numbers = np.arange(len(frames))
    for group in groups:
        source = upload(np.stack([pieces[index] for index in numbers[group]]), device)
        images[group] = sample(source, columns[group], rows[group])
    return images


def _by_size(frames: Sequence[NDArray[np.uint8]]) -> list[list[int]]:
    """Which frames are of one size."""
    groups: dict[tuple[int, ...], list[int]] = {}
    for index, frame in enumerate(frames):
        groups.setdefault(frame.shape, []).append(index)
    return list(groups.values())


def _reach(
    frame: NDArray[np.uint8], to_source: NDArray[np.float64], size: tuple[int, int]
) -> tuple[int, int, int, int]:
    """x0, y0, x1, y1: the pixels of a frame that a map [2, 3] looks at, and one more on each side; never none."""
    spans = []
    for (by_x, by_y, shift), most in zip(to_source.tolist(), frame.shape[1::-1], strict=True):
        ends = by_x * size[1], by_y * size[0]
        first = math.floor(shift + sum(min(end, 0.0) for end in ends)) - 1
        last = math.ceil(shift + sum(max(end, 0.0) for end in ends)) + 1
        first = min(max(first, 0), most - 1)
        spans.append((first, min(max(last, first + 1), most)))
    (x0, x1), (y0, y1) = spans
    return x0, y0, x1, y1


def _along(
    to_source: NDArray[np.float64], corners: NDArray[Any], sizes: NDArray[Any], size: tuple[int, int]
) -> tuple[NDArray[np.complex64], NDArray[np.complex64]]:
    """What a column [b, w] and a row [b, h] of the input add to where a point lies in pieces of sizes [b, 2] at
    corners [b, 2]: x + iy, where -1..1 spans the piece, as grid_sample wants it.

    Sums of a column and a row are cheaper than affine_grid, and cheaper still as complex numbers: an axis of two
    is slow.
    """
    half = sizes / 2
    linear, shift = to_source[:, :, :2] / half[:, :, None], (to_source[:, :, 2] - corners) / half - 1
    x, y = (np.arange(count)[:, None] + 0.5 for count in size[::-1])  # the middles of pixels
    along = linear[:, None, :, 0] * x, linear[:, None, :, 1] * y + shift[:, None]
    columns, rows = (part.astype(np.float32).view(np.complex64)[..., 0] for part in along)
    return columns, rows


def sample(source: Tensor, columns: Tensor, rows: Tensor) -> Tensor:
    """uint8 [b, H, W, 3] at the sums of columns [b, w] and rows [b, h] to float32 [b, 3, h, w], as `crop` does."""
    grid = torch.view_as_real(columns[:, None] + rows[:, :, None])  # [b, h, w, 2]
    return F.grid_sample(source.permute(0, 3, 1, 2).float(), grid, align_corners=False)
