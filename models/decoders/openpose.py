"""OpenPose's published decoder for one person: the highest cell of each heat map."""

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from posebeam.models.networks.openpose_thin import HEATS


class Argmax:
    """One peak a map, whoever it belongs to: good for one person, a mixture of people for several.

    Source: the OpenCV sample samples/dnn/openpose.py, whose coordinates the published data of 19 joints have:
    multiples of the frame's sides / cells, that is the corner of a cell, not its middle, and (0, 0) for a joint
    under the threshold; its score is 0 with it, so that a lower threshold later cannot take the corner for a
    joint. The background's map is a joint like the others. The sample shows the network RGB,
    though it was trained on BGR; this is kept too.
    """

    several = False
    colour = "rgb"

    def __call__(self, maps: Tensor) -> Tensor:
        """Maps [B, 57, h, w] to [B, 19, 3]: x and y as fractions of the picture's sides, score 0..1."""
        h, w = maps.shape[2:]
        score, cell = maps[:, :HEATS].float().flatten(2).max(2)
        return torch.stack((cell % w / w, cell // w / h, score.clamp(0, 1)), -1)

    def people(
        self, joints: NDArray[np.float32], min_score: float
    ) -> tuple[NDArray[np.float32], NDArray[np.float32]]:
        """One picture's joints [19, 3] to xy [P, 19, 2] in fractions and score [P, 19], P being 0 or 1."""
        score = joints[:, 2]
        seen = score >= min_score
        count = int(seen[:-1].any())  # the background is everywhere: it makes nobody
        xy = np.where(seen[:, None], joints[:, :2], np.float32(0))
        return xy[None][:count], np.where(seen, score, np.float32(0))[None][:count]


argmax = Argmax()
