"""TopDownView: the piece of a frame around each person's box, and the joints that a network finds in it."""

from collections.abc import Callable, Sequence
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor, nn

from posebeam.models.batch import Batch
from posebeam.models.crop import crop
from posebeam.models.decoders.flip import averaged_joints, averaged_maps
from posebeam.models.decoders.matching import two_stage
from posebeam.models.pixels import normalised
from posebeam.models.row import Row
from posebeam.transforms.framing import FRAMINGS, MARGIN, from_edges, through
from posebeam.transforms.skeleton import skeleton

STRIDE = 4  # pixels of the input a cell of a heat map, of all networks that give them
HALF_PIXEL = 0.5  # a framing counts from the middle of the first pixel, People from its corner


class TopDownView:
    """A BoxView (models/backbone.py) of networks that give heat maps (SimpleBaseline, HRNet, TransPose,
    BTranspose) or queries to be matched (PRTR).

    flip: the published flip test: the mirrored piece is shown too. Maps are averaged, moved by a cell for those
    who measure from edge to edge; of queries the joints are.
    """

    margin = MARGIN

    def __init__(
        self,
        row: Row,
        network: nn.Module,
        decode: Callable[..., Tensor],
        device: torch.device,
        batch_size: int,
        flip: bool = False,
    ):
        self._size, self._colour, self._framing = row.input, row.colour, FRAMINGS[row.framing]
        height, width = row.input
        # What joints are counted in: cells have a way to the picture of their own, as published.
        self._grid = row.input if decode is two_stage else (height // STRIDE, width // STRIDE)
        self._skeleton, self._decode, self._flip = skeleton(row.skeleton), decode, flip
        self.batch = Batch(Mirrored(network) if flip else network, device, batch_size, row.chunk)

    def in_boxes(
        self, frames: Sequence[NDArray[np.uint8]], boxes: NDArray[np.float64], margin: float
    ) -> tuple[NDArray[np.float64], NDArray[np.float32], NDArray[np.bool_]]:
        """Joints in source pixels [n, K, 2], scores [n, K] and finite [n] of boxes [n, 4] in frames."""
        pieces = self._framing.pieces(boxes, self._size, margin)
        shown = from_edges(self._framing.to_source(pieces, self._size))
        joints, finite = self.batch(list(zip(frames, shown, strict=True)), self._prepare, self._read)
        xy = through(joints[..., :2], self._framing.to_source(pieces, self._grid)) + HALF_PIXEL
        return xy, joints[..., 2], finite

    def _prepare(self, items: Sequence[tuple[NDArray[np.uint8], NDArray[np.float64]]]) -> Tensor:
        """Frames [H, W, 3] with maps [2, 3] from the input to them, to the network's [b, 3, h, w]."""
        maps = np.stack([to_source for _, to_source in items])
        return normalised(crop([frame for frame, _ in items], maps, self._size, self.batch.device), self._colour)

    def _read(self, raw: Any) -> Tensor:
        """What the network says to joints [B, K, 3]: x and y in the grid, and score.

        A joint is in the piece: DARK's step, which has no bound, may leave a map that is no blob.
        """
        straight, *mirrored = raw if self._flip else (raw,)
        if isinstance(straight, Tensor):
            joints = self._from_maps(*(maps.float() for maps in (straight, *mirrored)))
        else:
            joints = self._from_queries(straight, *mirrored)
        last = torch.tensor(self._grid[::-1], device=joints.device) - self._framing.less
        return torch.cat((joints[..., :2].clamp(joints.new_zeros(2), last), joints[..., 2:]), -1)

    def _from_maps(self, maps: Tensor, mirrored: Tensor | None = None) -> Tensor:
        """Heat maps [B, K, h, w], and those of the mirrored pieces, to [B, K, 3]."""
        if mirrored is not None:
            maps = averaged_maps(maps, mirrored, self._skeleton, shift=self._framing.less == 0)
        if maps.shape[2:] != self._grid:
            raise ValueError(f"heat maps {list(maps.shape)}, expected [B, K, {self._grid[0]}, {self._grid[1]}]")
        return self._decode(maps)

    def _from_queries(self, *said: dict[str, Tensor]) -> Tensor:
        """Logits and coordinates, and those of the mirrored pieces, to [B, K, 3]."""
        # What is not finite is refused later, by all that the network said; matching needs numbers.
        logits = [each["pred_logits"].float().nan_to_num() for each in said]
        joints = [self._decode(one, each["pred_coords"].float()) for one, each in zip(logits, said, strict=True)]
        fractions = averaged_joints(joints[0], joints[1], self._skeleton) if self._flip else joints[0]
        return fractions * fractions.new_tensor((*self._size[::-1], 1))


class Mirrored(nn.Module):
    """What a network says of pictures, and of the same mirrored."""

    def __init__(self, network: nn.Module):
        super().__init__()
        self.network = network

    def forward(self, images: Tensor) -> tuple[Any, Any]:
        """[B, 3, H, W] to what is said of each, twice."""
        return self.network(images), self.network(images.flip(3))
