"""OpenPoseBodyView: the whole frame, 184 pixels high, and the people that either decoder finds in it."""

from collections.abc import Hashable, Sequence

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor, nn
from torch.nn import functional as F

from posebeam.models.batch import Batch
from posebeam.models.crop import box_matrix, crop
from posebeam.models.decoders.openpose import Argmax
from posebeam.models.decoders.paf_enlarged import STRIDE, PafEnlarged, shown
from posebeam.models.openpose import around_joints
from posebeam.models.row import Row
from posebeam.transforms.people import People
from posebeam.transforms.skeleton import skeleton

HALF_PIXEL = 0.5  # the publication counts from the middle of the first pixel, People from its corner


class OpenPoseBodyView:
    """A WholeView (models/backbone.py) of CMU's body network, without hints.

    A frame is shown 184 pixels high in its own proportions, BGR / 256 - 0.5, with grey (128, that is 0) on the
    right up to a multiple of 8, to both decoders.
    Source: src/body.py of github.com/Hzzone/pytorch-openpose, which resizes by bicubic interpolation.
    """

    def __init__(
        self, row: Row, network: nn.Module, decode: Argmax | PafEnlarged, device: torch.device, batch_size: int
    ):
        self._skeleton, self._min_score = skeleton(row.skeleton), row.min_score
        self.several, self._decode, self.batch = (
            decode.several,
            decode,
            Batch(network, device, batch_size, row.chunk),
        )

    def __call__(self, frames: Sequence[NDArray[np.uint8]], hints: Sequence[Hashable | None]) -> list[People]:
        """The people of each frame [H, W, 3]; nobody where no joint but the background reaches min_score."""
        results = self.batch.by_size(frames, padded_size, self._prepare, self._maps)
        return [self._people(frame, *each) for frame, each in zip(frames, results, strict=True)]

    def _prepare(self, size: tuple[int, int], frames: Sequence[NDArray[np.uint8]]) -> Tensor:
        """Frames [H, W, 3] to [b, 3, h, w] on the device."""
        images = []
        for frame in frames:
            height, width = shown_size(frame)
            whole = box_matrix((0, 0, frame.shape[1], frame.shape[0]), (height, width))
            image = crop([frame], whole[None], (height, width), self.batch.device).flip(1).div_(256).sub_(0.5)
            images.append(F.pad(image, (0, size[1] - width, 0, size[0] - height)))
        return torch.cat(images)

    def _maps(self, raw: tuple[Tensor, Tensor]) -> Tensor:
        """Fields [B, 38, h, w] and heat maps [B, 19, h, w] to what is read on the host of each picture."""
        maps = torch.cat(raw[::-1], 1)
        return self._decode(maps) if isinstance(self._decode, Argmax) else maps

    def _people(self, frame: NDArray[np.uint8], decoded: NDArray[np.float32], finite: np.bool_) -> People:
        """What was decoded of one frame [...] to source pixels."""
        if not finite:
            return People.nobody(self._skeleton.name, finite=False)
        if isinstance(self._decode, Argmax):
            fractions, score = self._decode.people(decoded, self._min_score)
            used = np.array(padded_size(frame)[::-1]) / shown_size(frame)[::-1]  # fractions count the padding
            xy = fractions * used * frame.shape[1::-1]
        else:
            size = frame.shape[0], frame.shape[1]
            places, scores = self._decode.people(torch.from_numpy(decoded), size, self._min_score)
            rest = len(self._skeleton) - scores.shape[1]  # the background is nobody's joint
            score = np.pad(scores, ((0, 0), (0, rest)))
            xy = np.pad((places + HALF_PIXEL) * (scores > 0)[..., None], ((0, 0), (0, rest), (0, 0)))
        return around_joints(self._skeleton.name, xy.astype(np.float32), score.astype(np.float32), self._min_score)


def shown_size(frame: NDArray[np.uint8]) -> tuple[int, int]:
    """Height and width in which a frame [H, W, 3] is shown."""
    height, width = shown((frame.shape[0], frame.shape[1]))
    return height, max(1, width)


def padded_size(frame: NDArray[np.uint8]) -> tuple[int, int]:
    """The same with its padding."""
    height, width = (-(-side // STRIDE) * STRIDE for side in shown_size(frame))
    return height, width
