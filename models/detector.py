"""Detector: frames in, boxes of people out."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any, Protocol

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor, nn

from posebeam.models.batch import Batch
from posebeam.models.canvas import CHUNK, Canvas, Padded
from posebeam.models.estimator import Estimator
from posebeam.models.row import Row
from posebeam.transforms.errors import ConfigError


@dataclass(frozen=True, eq=False)
class Boxes:
    """One frame's boxes of people, surest first.

    xywh    float64 [P, 4]  x, y, width, height in source pixels
    score   float32 [P]     0..1
    finite                  False: the network's output for this frame was not finite, so P = 0
    """

    xywh: NDArray[np.float64]
    score: NDArray[np.float32]
    finite: bool = True

    def __post_init__(self) -> None:
        P = len(self.score)
        if self.xywh.shape != (P, 4) or self.xywh.dtype != np.float64 or self.score.dtype != np.float32:
            raise ValueError(
                f"Boxes: got {self.xywh.dtype} {list(self.xywh.shape)} with {self.score.dtype} "
                f"{list(self.score.shape)}, expected float64 [P, 4] with float32 [P]"
            )

    def __len__(self) -> int:
        return len(self.score)

    @classmethod
    def of(cls, corners: NDArray[np.floating], score: NDArray[np.floating], finite: bool = True) -> "Boxes":
        """From corners [P, 4] (x0, y0, x1, y1) and score [P] in any order."""
        order = np.argsort(-score, kind="stable")
        low, high = np.split(corners[order].astype(np.float64), 2, 1)
        return cls(np.concatenate((low, (high - low).clip(0)), 1), score[order].astype(np.float32), finite)


class Detector(Protocol):
    """Frames uint8 RGB [H, W, 3] of any sizes to Boxes, one for each frame, in order.

    halvings counts batches that were split for lack of memory.
    """

    name: str

    @property
    def halvings(self) -> int: ...

    def __call__(self, frames: Sequence[NDArray[np.uint8]]) -> list[Boxes]: ...


class PoseDetector:
    """A Detector that takes the boxes of a backbone for several people."""

    def __init__(self, estimator: Estimator):
        if not estimator.several:
            raise ConfigError(f"{estimator.name} sees one person a frame: it cannot be a detector")
        self.name, self._estimator = estimator.name, estimator

    @property
    def halvings(self) -> int:
        """How many chunks were halved for lack of memory so far."""
        return self._estimator.halvings

    def __call__(self, frames: Sequence[NDArray[np.uint8]]) -> list[Boxes]:
        """The boxes of each frame's people."""
        everyone = self._estimator(frames, [None] * len(frames))
        least = self._estimator.min_score
        return [Boxes.of(people.boxes, people.sureness(least), people.finite) for people in everyone]


class ImageDetector:
    """A Detector of its own: DETR and Faster R-CNN. A box scored below the row's min_person is nobody's."""

    def __init__(
        self, row: Row, network: nn.Module, decode: Callable[[Any], Tensor], device: torch.device, batch_size: int
    ):
        """decode: what the network says to [B, Q, 5]: how sure a box is a person's, and corners x0, y0, x1, y1 in
        fractions of the picture without its padding.
        """
        self.name, self._least, self._decode = row.name, row.min_person, decode
        self._canvas, self._batch = (
            Canvas.of(row, device),
            Batch(Padded(network), device, min(batch_size, CHUNK), row.chunk),
        )

    @property
    def halvings(self) -> int:
        """How many chunks were halved for lack of memory so far."""
        return self._batch.halvings

    def __call__(self, frames: Sequence[NDArray[np.uint8]]) -> list[Boxes]:
        """The boxes of people in each frame [H, W, 3]."""
        results = self._batch.by_size(frames, self._canvas.size, self._canvas.prepare, self._decode)
        return [self._boxes(frame.shape[:2], *each) for frame, each in zip(frames, results, strict=True)]

    def _boxes(self, size: tuple[int, int], found: NDArray[np.float32], finite: np.bool_) -> Boxes:
        """What was found [Q, 5] in a frame (H, W)."""
        found = found[(found[:, 0] > 0) & (found[:, 0] >= self._least) & finite]
        return Boxes.of(found[:, 1:] * np.array((*size[::-1], *size[::-1])), found[:, 0], bool(finite))
