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
    out = torch.empty((len(frames), 3, *size), device=device, memory_format=torch.channels_last)
    by_size: dict[tuple[int, ...], list[int]] = {}
    for index, frame in enumerate(frames):
        by_size.setdefault(frame.shape, []).append(index)
    for shape, indices in by_size.items():
        source = upload(np.stack([frames[i] for i in indices]), device).permute(0, 3, 1, 2).float()
        grid = upload(_grid_matrix(to_source[indices], shape[:2], size), device)
        grid = F.affine_grid(grid, [len(indices), 3, *size], align_corners=False)
        out[indices] = F.grid_sample(source, grid, align_corners=False)
    return out


def _grid_matrix(
    to_source: NDArray[np.float64], source: tuple[int, ...], size: tuple[int, int]
) -> NDArray[np.float32]:
    """The maps [b, 2, 3] between coordinates that run from -1 to 1 over each picture, for affine_grid."""
    half_in = np.array([size[1], size[0]]) / 2
    half_out = np.array([source[1], source[0]]) / 2
    linear = to_source[:, :, :2] * half_in / half_out[:, None]
    shift = (to_source[:, :, :2] @ half_in + to_source[:, :, 2]) / half_out - 1
    return np.concatenate((linear, shift[:, :, None]), 2).astype(np.float32)
