"""Detector: frames in, boxes of people out."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from functools import partial
from typing import Any, Protocol

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor, nn
from torch.nn import functional as F

from posebeam.models.batch import Batch
from posebeam.models.crop import box_matrix, crop
from posebeam.models.estimator import Estimator
from posebeam.models.pixels import normalised
from posebeam.models.row import Row
from posebeam.transforms.errors import ConfigError
from posebeam.transforms.people import People

LONGEST = 1333  # pixels of the longer side, if the shorter one would make it longer
STEP = 64  # sides are padded to multiples of it: pictures of few sizes go through the network together
CHUNK = 8  # so many pictures of that size fill a GPU


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
        return [Boxes.of(people.boxes, self._sure(people), people.finite) for people in everyone]

    def _sure(self, people: People) -> NDArray[np.floating]:
        """How sure each person [P] is; where the backbone does not say, the mean of the joints to be seen."""
        if people.sure is not None:
            return people.sure
        seen = people.score >= self._estimator.min_score
        return np.asarray((people.score * seen).sum(1) / seen.sum(1).clip(1))


class ImageDetector:
    """A Detector of its own: DETR and Faster R-CNN.

    Frames are shown as published: the shorter side of the row's input, the longer one 1333 pixels at most, then
    padded, which the network is told. A box scored below the row's min_person is nobody's.
    """

    def __init__(
        self, row: Row, network: nn.Module, decode: Callable[[Any], Tensor], device: torch.device, batch_size: int
    ):
        """decode: what the network says to [B, Q, 5]: how sure a box is a person's, and corners x0, y0, x1, y1 in
        fractions of the picture without its padding.
        """
        self.name, self._least, self._shortest, self._colour = row.name, row.min_person, min(row.input), row.colour
        self._decode, self._batch = decode, Batch(Padded(network), device, min(batch_size, CHUNK))

    @property
    def halvings(self) -> int:
        """How many chunks were halved for lack of memory so far."""
        return self._batch.halvings

    def __call__(self, frames: Sequence[NDArray[np.uint8]]) -> list[Boxes]:
        """The boxes of people in each frame [H, W, 3]."""
        by_size: dict[tuple[int, int], list[int]] = {}
        for index, frame in enumerate(frames):
            by_size.setdefault(padded_size(shown_size(frame.shape[:2], self._shortest)), []).append(index)
        boxes: dict[int, Boxes] = {}
        for size, indices in by_size.items():
            part = [frames[index] for index in indices]
            found, finite = self._batch(part, partial(self._prepare, size), self._decode, among=len(frames))
            for index, *each in zip(indices, found, finite, strict=True):
                boxes[index] = self._boxes(frames[index].shape[:2], *each)
        return [boxes[index] for index in range(len(frames))]

    def _prepare(self, size: tuple[int, int], frames: Sequence[NDArray[np.uint8]]) -> Tensor:
        """Frames [H, W, 3] to [b, 4, h, w] on the device: colours, and 1 in the padding."""
        images = []
        for frame in frames:
            h, w = shown_size(frame.shape[:2], self._shortest)
            whole = box_matrix((0, 0, frame.shape[1], frame.shape[0]), (h, w))
            image = normalised(crop([frame], whole[None], (h, w), self._batch.device), self._colour)
            inside = F.pad(image, (0, size[1] - w, 0, size[0] - h))
            outside = F.pad(image.new_zeros(1, 1, h, w), (0, size[1] - w, 0, size[0] - h), value=1)
            images.append(torch.cat((inside, outside), 1))
        return torch.cat(images)

    def _boxes(self, size: tuple[int, int], found: NDArray[np.float32], finite: np.bool_) -> Boxes:
        """What was found [Q, 5] in a frame (H, W)."""
        found = found[(found[:, 0] >= self._least) & bool(finite)]
        return Boxes.of(found[:, 1:] * np.array((*size[::-1], *size[::-1])), found[:, 0], bool(finite))


class Padded(nn.Module):
    """A network that takes pictures and their padding in one tensor."""

    def __init__(self, network: nn.Module):
        super().__init__()
        self.network = network

    def forward(self, x: Tensor) -> Any:
        """x [B, 4, H, W]: colours, and 1 in the padding."""
        return self.network(x[:, :3], x[:, 3] > 0)


def shown_size(frame: tuple[int, int], shortest: int) -> tuple[int, int]:
    """Height and width in which a frame (H, W) is shown: the shorter side `shortest`, the longer one bounded.

    Source: get_size_with_aspect_ratio of github.com/facebookresearch/detr, datasets/transforms.py.
    """
    least, most = min(frame), max(frame)
    if shortest * most > LONGEST * least:
        shortest = round(LONGEST * least / most)
    height, width = (shortest if side == least else int(shortest * side / least) for side in frame)
    return max(1, height), max(1, width)


def padded_size(size: tuple[int, int]) -> tuple[int, int]:
    """Height and width with the padding."""
    height, width = (-(-side // STEP) * STEP for side in size)
    return height, width
