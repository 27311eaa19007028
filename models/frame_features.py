"""FrameFeatures: an extractor at work, frames in, features out."""

from collections.abc import Sequence

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor, nn
from torch.nn import functional as F

from posebeam.models.batch import Batch, upload
from posebeam.models.clip_features import SIDE, central_box
from posebeam.models.extractors import Extractor
from posebeam.models.pixels import normalised
from posebeam.transforms.errors import WeightsError


class FrameFeatures:
    """Features of the middle of frames. What is said of one does not depend on those beside it, to the last bit.

    name, width  the extractor's; batch_size is the most frames a call takes well
    """

    def __init__(self, facts: Extractor, network: nn.Module, device: torch.device, batch_size: int):
        self.name, self.width, self.batch_size = facts.name, facts.width, batch_size
        self._normalised = facts.normalised
        self._batch = Batch(network, device, batch_size)

    @property
    def halvings(self) -> int:
        """How many chunks were halved for lack of memory so far."""
        return self._batch.halvings

    def __call__(self, pieces: Sequence[NDArray[np.uint8]]) -> NDArray[np.float32]:
        """Middles of frames, as central_piece gives them, to features [n, width].

        WeightsError if they are not finite: no pixel can do that.
        """
        if not len(pieces):
            return np.zeros((0, self.width), np.float32)
        found, finite = self._batch(pieces, self._prepare, lambda raw: raw, among=self.batch_size)
        if not finite.all():
            raise WeightsError(f"{self.name}: features that are not finite; its weights are at fault")
        return found

    def _prepare(self, pieces: Sequence[NDArray[np.uint8]]) -> Tensor:
        """RGB uint8 [s, s, 3] of any side s to what the network takes, [b, 3, SIDE, SIDE] on the device."""
        images = torch.cat([_enlarged(upload(piece, self._batch.device)) for piece in pieces])
        return normalised(images, "rgb") if self._normalised else images


def central_piece(frame: NDArray[np.uint8]) -> NDArray[np.uint8]:
    """The square of at most SIDE pixels [s, s, 3] in the middle of a frame [H, W, 3], copied out of it."""
    x0, y0, x1, y1 = central_box(frame.shape[0], frame.shape[1])
    return frame[y0:y1, x0:x1].copy()


def _enlarged(piece: Tensor) -> Tensor:
    """uint8 [s, s, 3] to float32 [1, 3, SIDE, SIDE], 0..255; bilinear where s is less, as Keras does it."""
    image = piece.permute(2, 0, 1)[None].float()
    if image.shape[-1] == SIDE:
        return image
    return F.interpolate(image, (SIDE, SIDE), mode="bilinear", align_corners=False)
