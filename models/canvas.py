"""Canvas: whole pictures as DETR and its kin are shown them: resized, padded, and told where the padding is."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor, nn
from torch.nn import functional as F

from posebeam.models.crop import box_matrix, crop
from posebeam.models.pixels import normalised
from posebeam.models.row import Row

LONGEST = 1333  # pixels of the longer side, if the shorter one would make it longer
STEP = 64  # sides are padded to multiples of it: pictures of few sizes go through the network together
CHUNK = 8  # so many pictures of that size fill a GPU


@dataclass(frozen=True)
class Canvas:
    """How a picture is shown: its shorter side `shortest` pixels long, padded on the right and below.

    A picture's padding follows from its own size alone, so that its neighbours in a batch change nothing.
    """

    shortest: int
    colour: str
    device: torch.device

    @classmethod
    def of(cls, row: Row, device: torch.device) -> "Canvas":
        """That of a row."""
        return cls(min(row.input), row.colour, device)

    def picture(self, frame: tuple[int, ...]) -> tuple[int, int]:
        """Height and width in which a frame (H, W) is shown, without padding.

        Source: get_size_with_aspect_ratio of github.com/facebookresearch/detr, datasets/transforms.py.
        """
        shortest, least, most = self.shortest, min(frame[:2]), max(frame[:2])
        if shortest * most > LONGEST * least:
            shortest = max(1, round(LONGEST * least / most))
        height, width = (shortest if side == least else int(shortest * side / least) for side in frame[:2])
        return height, width

    def size(self, frame: NDArray[np.uint8]) -> tuple[int, int]:
        """The same of a frame [H, W, 3], with padding."""
        height, width = (-(-side // STEP) * STEP for side in self.picture(frame.shape))
        return height, width

    def prepare(self, size: tuple[int, int], frames: Sequence[NDArray[np.uint8]]) -> Tensor:
        """Frames [H, W, 3] to [b, 4, *size] on the device: colours, and 1 in the padding."""
        return torch.cat([self._shown(size, frame) for frame in frames])

    def _shown(self, size: tuple[int, int], frame: NDArray[np.uint8]) -> Tensor:
        """A frame [H, W, 3] to [1, 4, *size]."""
        h, w = self.picture(frame.shape)
        whole = box_matrix((0, 0, frame.shape[1], frame.shape[0]), (h, w))
        image = normalised(crop([frame], whole[None], (h, w), self.device), self.colour)
        rest = (0, size[1] - w, 0, size[0] - h)
        outside = F.pad(image.new_zeros(1, 1, h, w), rest, value=1)
        return torch.cat((F.pad(image, rest), outside), 1)


class Padded(nn.Module):
    """A network for pictures with padding, which takes both in one tensor."""

    def __init__(self, network: nn.Module):
        super().__init__()
        self.network = network

    def forward(self, x: Tensor) -> Any:
        """x [B, 4, H, W]: colours, and 1 in the padding."""
        return self.network(x[:, :3], x[:, 3] > 0)
