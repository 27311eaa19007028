"""SequentialView: everybody in a frame, boxes and joints in one pass."""

from collections.abc import Callable, Hashable, Sequence

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor, nn

from posebeam.models.batch import Batch
from posebeam.models.canvas import CHUNK, Canvas, Padded
from posebeam.models.row import Row
from posebeam.transforms.people import People
from posebeam.transforms.skeleton import skeleton


class SequentialView:
    """A WholeView (models/backbone.py) of sequential PRTR. Who is scored below the row's min_person is nobody."""

    several = True

    def __init__(
        self, row: Row, network: nn.Module, decode: Callable[..., Tensor], device: torch.device, batch_size: int
    ):
        """decode: logits [B, P, Q, K + 1] and coordinates [B, P, Q, 2] of joints to [B, P, K, 3]."""
        self._skeleton, self._least, self._min_score = row.skeleton, row.min_person, row.min_score
        self._decode, self._canvas = decode, Canvas.of(row, device)
        self.batch = Batch(Padded(network), device, min(batch_size, CHUNK), row.chunk)

    def __call__(self, frames: Sequence[NDArray[np.uint8]], hints: Sequence[Hashable | None]) -> list[People]:
        """Everybody in each frame [H, W, 3], from the surest on; hints are not looked at."""
        results = self.batch.by_size(frames, self._canvas.size, self._canvas.prepare, self._read)
        return [self._people(frame.shape[:2], *each) for frame, each in zip(frames, results, strict=True)]

    def _read(self, raw: dict[str, Tensor]) -> Tensor:
        """What the network says to [B, P, 3 K + 5]: joints, the corners of the box, and how sure the person is.

        Positions are fractions of the picture. Class 0 is nobody.
        """
        said = {name: tensor.float().nan_to_num() for name, tensor in raw.items()}  # matching needs numbers
        joints = self._decode(said["pred_kpt_logits"], said["pred_kpt_coord"])
        middle, half = said["pred_boxes"][..., :2], said["pred_boxes"][..., 2:] / 2
        sure = said["pred_logits"].softmax(-1)[..., 1:]
        return torch.cat((joints.flatten(2), middle - half, middle + half, sure), -1)

    def _people(self, size: tuple[int, int], found: NDArray[np.float32], finite: np.bool_) -> People:
        """What was found [P, 3 K + 5] in a frame (H, W), to source pixels."""
        if not finite:
            return People.nobody(self._skeleton, finite=False)
        joints = found[:, :-5].reshape(len(found), len(skeleton(self._skeleton)), 3)
        there = (found[:, -1] >= self._least) & (joints[..., 2].max(1) >= self._min_score)
        order = np.flatnonzero(there)[np.argsort(-found[there, -1], kind="stable")]
        sides = np.array(size[::-1], np.float32)
        xy, boxes = joints[order, :, :2] * sides, found[order, -5:-1] * np.tile(sides, 2)
        return People(self._skeleton, xy, joints[order, :, 2], boxes, sure=found[order, -1])
