"""MoveNet's estimator: one person a frame, in a square that follows the person if it may."""

from collections.abc import Callable, Hashable, Sequence
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor, nn

from posebeam.models.batch import Batch
from posebeam.models.crop import box_matrix, crop
from posebeam.models.movenet_hint import Square, next_square, whole
from posebeam.models.registry import Row
from posebeam.transforms.people import People
from posebeam.transforms.skeleton import skeleton


class MoveNetEstimator:
    """An Estimator (models/estimator.py) whose hints are Squares of source pixels."""

    several = False

    def __init__(
        self,
        row: Row,
        network: nn.Module,
        decode: Callable[[Any], Tensor],
        device: torch.device,
        batch_size: int,
        crop_following: bool,
    ):
        self.name, self.skeleton, self.min_score = row.name, skeleton(row.skeleton), row.min_score
        self.batch_size, self.wants_hints, self.device_kind = batch_size, crop_following, device.type
        self._size, self._decode, self._batch = row.input, decode, Batch(network, device, batch_size)

    @property
    def halvings(self) -> int:
        """How many chunks were halved for lack of memory so far."""
        return self._batch.halvings

    def __call__(self, frames: Sequence[NDArray[np.uint8]], hints: Sequence[Hashable | None]) -> list[People]:
        """One person, or nobody where no joint reaches min_score, for each frame [H, W, 3]."""
        if len(frames) != len(hints):
            raise ValueError(f"{len(frames)} frames with {len(hints)} hints: expected one for each")
        if not frames:
            return []
        squares = [
            hint if isinstance(hint, Square) else whole((frame.shape[0], frame.shape[1]))
            for frame, hint in zip(frames, hints, strict=True)
        ]
        poses, finite = self._batch(list(zip(frames, squares, strict=True)), self._prepare, self._decode)
        return [self._people(*each) for each in zip(poses, squares, finite, strict=True)]

    def next_hint(self, people: People, size: tuple[int, int]) -> Square | None:
        """The square of the next frame (H, W); None without crop following."""
        return next_square(people, size) if self.wants_hints else None

    def _prepare(self, items: Sequence[tuple[NDArray[np.uint8], Square]]) -> Tensor:
        """Frames [H, W, 3] with their squares to [b, 3, h, w] on the device."""
        maps = np.stack([box_matrix(square.box, self._size) for _, square in items])
        return crop([frame for frame, _ in items], maps, self._size, self._batch.device)

    def _people(self, pose: NDArray[np.float32], square: Square, finite: np.bool_) -> People:
        """A pose [K, 3] of y, x in fractions of the square, and score, to source pixels."""
        score = pose[:, 2]
        if not finite or score.max() < self.min_score:
            return People.nobody(self.skeleton.name, finite=bool(finite))
        xy = pose[:, 1::-1] * np.float32(square.side) + np.array((square.x, square.y), np.float32)
        seen = xy[score >= self.min_score]
        box = np.concatenate((seen.min(0), seen.max(0)))
        return People(self.skeleton.name, xy[None], score[None], box[None])
