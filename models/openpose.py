"""OpenPoseView: the whole frame in the network's shape, people as the decoder finds them."""

from collections.abc import Hashable, Sequence
from typing import Protocol

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor, nn

from posebeam.models.batch import Batch
from posebeam.models.crop import box_matrix, crop
from posebeam.models.row import Row
from posebeam.transforms.people import People
from posebeam.transforms.skeleton import skeleton


class Decoder(Protocol):
    """From maps to people in two steps: tensors on the device, then one picture in numpy.

    several  there may be more than one person in a picture
    colour   rgb or bgr: what the publication that it follows shows the network
    """

    several: bool
    colour: str

    def __call__(self, maps: Tensor) -> Tensor:
        """Maps [B, 57, h, w] to what `people` needs of each picture [B, ...]."""
        ...

    def people(
        self, decoded: NDArray[np.float32], min_score: float
    ) -> tuple[NDArray[np.float32], NDArray[np.float32]]:
        """That of one picture [...] to xy [P, K, 2] in fractions of the picture's sides and score [P, K]."""
        ...


class OpenPoseView:
    """A WholeView (models/backbone.py) without hints.

    A frame is resized to the row's input without regard to its proportions, as published (blobFromImage of the
    OpenCV sample samples/dnn/openpose.py, 368 x 368 without crop): fractions of the input are fractions of the
    frame.
    """

    def __init__(self, row: Row, network: nn.Module, decode: Decoder, device: torch.device, batch_size: int):
        self._skeleton, self._min_score, self._size = row.skeleton, row.min_score, row.input
        self.several, self._decode, self.batch = (
            decode.several,
            decode,
            Batch(network, device, batch_size, row.chunk),
        )

    def __call__(self, frames: Sequence[NDArray[np.uint8]], hints: Sequence[Hashable | None]) -> list[People]:
        """The people of each frame [H, W, 3]; nobody where no joint but the background reaches min_score."""
        decoded, finite = self.batch(frames, self._prepare, self._decode)
        return [self._people(*each) for each in zip(decoded, frames, finite, strict=True)]

    def _prepare(self, frames: Sequence[NDArray[np.uint8]]) -> Tensor:
        """Frames [H, W, 3] to [b, 3, h, w] on the device."""
        maps = np.stack([box_matrix((0, 0, frame.shape[1], frame.shape[0]), self._size) for frame in frames])
        images = crop(frames, maps, self._size, self.batch.device)
        return images.flip(1) if self._decode.colour == "bgr" else images

    def _people(self, decoded: NDArray[np.float32], frame: NDArray[np.uint8], finite: np.bool_) -> People:
        """What was decoded of one frame [...] to source pixels."""
        if not finite:
            return People.nobody(self._skeleton, finite=False)
        fractions, score = self._decode.people(decoded, self._min_score)
        xy = fractions * np.array((frame.shape[1], frame.shape[0]), np.float32)
        return around_joints(self._skeleton, xy, score, self._min_score)


def around_joints(
    skeleton_name: str, xy: NDArray[np.float32], score: NDArray[np.float32], min_score: float
) -> People:
    """People xy [P, K, 2] and score [P, K] of OpenPose, each with the box around the joints that are seen."""
    seen = (score >= min_score) & (np.array(skeleton(skeleton_name).joints) != "background")
    boxes = [(*points[mask].min(0), *points[mask].max(0)) for points, mask in zip(xy, seen, strict=True)]
    return People(skeleton_name, xy, score, np.array(boxes, np.float32).reshape(-1, 4))
