"""MultiPoseView: MoveNet MultiPose, up to six people a frame, each seen on its own, frame by frame."""

from collections.abc import Callable, Hashable, Sequence
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor, nn

from posebeam.models.batch import Batch
from posebeam.models.crop import box_matrix, crop
from posebeam.models.row import Row
from posebeam.transforms.assign import box_area, oks, sigmas
from posebeam.transforms.people import People
from posebeam.transforms.skeleton import skeleton

STEP = 32  # the network's sides are multiples of it
# A person below this score is nobody: what TensorFlow Lite's own example of this network takes
# (github.com/tensorflow/examples, lite/examples/pose_estimation/raspberry_pi). tfjs-models' 0.25 loses most
# of a marching band; of what lies below 0.11 about half is nobody, or part of somebody else.
SURE = 0.11
# Two people this alike are one. The graph only keeps their middles 3 cells apart, which in a close-up is less
# than a face. Of 459 pairs in UCF101 those that were one person came to 0.6 and more, others to 0.5 at most;
# their boxes overlap by a half in either case.
SAME = 0.6

Array = NDArray[np.float32]


class MultiPoseView:
    """A WholeView (models/backbone.py) without hints.

    The larger side of what the network sees is that of the row's input; the other follows the frame.
    """

    several = True

    def __init__(
        self, row: Row, network: nn.Module, decode: Callable[[Any], Tensor], device: torch.device, batch_size: int
    ):
        self._skeleton, self._min_score, self._side = skeleton(row.skeleton), row.min_score, max(row.input)
        self._decode, self.batch = decode, Batch(network, device, batch_size, row.chunk)

    def __call__(self, frames: Sequence[NDArray[np.uint8]], hints: Sequence[Hashable | None]) -> list[People]:
        """Everybody in each frame [H, W, 3], from the surest on; hints are not looked at."""
        results = self.batch.by_size(
            frames, lambda frame: input_size(frame.shape[:2], self._side), self._prepare, self._decode
        )
        return [self._people(frame.shape[:2], *each) for frame, each in zip(frames, results, strict=True)]

    def _prepare(self, size: tuple[int, int], frames: Sequence[NDArray[np.uint8]]) -> Tensor:
        """Frames [H, W, 3] to [b, 3, h, w] on the device."""
        maps = np.stack([box_matrix(around(frame.shape[:2], size), size) for frame in frames])
        return crop(frames, maps, size, self.batch.device)

    def _people(self, frame: tuple[int, int], found: Array, finite: np.bool_) -> People:
        """Up to six people [6, 3 K + 5] in fractions of the view around a frame (H, W) to source pixels."""
        view = around(frame, input_size(frame, self._side))
        K, name = len(self._skeleton), self._skeleton.name
        if not finite:
            return People.nobody(name, finite=False)
        found = found[(found[:, -1] >= SURE) & (found[:, 2 : 3 * K : 3].max(1) >= self._min_score)]
        found = found[np.argsort(-found[:, -1], kind="stable")]
        origin = np.array(view[:2], np.float32)
        sides = np.array(view[2:], np.float32) - origin
        joints = found[:, : 3 * K].reshape(-1, K, 3)
        xy, score = joints[:, :, 1::-1] * sides + origin, joints[:, :, 2]
        boxes = found[:, [3 * K + 1, 3 * K, 3 * K + 3, 3 * K + 2]] * np.tile(sides, 2) + np.tile(origin, 2)
        kept = distinct(xy, score >= self._min_score, boxes, 2 * sigmas(self._skeleton))
        return People(name, xy[kept], score[kept], boxes[kept], sure=found[kept, -1])


def distinct(xy: Array, seen: NDArray[np.bool_], boxes: Array, k: NDArray[np.float64]) -> list[int]:
    """Which of the people xy [P, K, 2], seen [P, K], boxes [P, 4] are nobody seen before in this order.

    How alike two are is the sum of OKS over the joints that both show, per joint of who shows fewer; k [K].
    """
    area = box_area(boxes.astype(np.float64))
    alike = oks(xy.astype(np.float64), seen, xy.astype(np.float64), seen, np.sqrt(area[:, None] * area), k)
    shared, shown = seen.astype(int) @ seen.T, seen.sum(1)
    alike = alike * shared / np.minimum(shown[:, None], shown)
    kept: list[int] = []
    for person in range(len(xy)):
        if (alike[person, kept] < SAME).all():
            kept.append(person)
    return kept


def input_size(frame: tuple[int, int], side: int) -> tuple[int, int]:
    """Height and width of what the network sees of a frame (H, W): the larger is `side`, the other rounded up."""
    scale = side / max(frame)
    height, width = (max(STEP, -(-round(length * scale) // STEP) * STEP) for length in frame)
    return height, width


def around(frame: tuple[int, int], size: tuple[int, int]) -> tuple[float, float, float, float]:
    """The view x0, y0, x1, y1 in pixels of a frame (H, W) that fills (h, w), with the frame in its middle."""
    scale = max(frame) / max(size)
    x, y = (frame[1] - size[1] * scale) / 2, (frame[0] - size[0] * scale) / 2
    return x, y, frame[1] - x, frame[0] - y
