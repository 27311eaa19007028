"""Blind: who sees nobody, so that the one loop runs over clips of which no poses are wanted."""

from collections.abc import Hashable, Sequence

import numpy as np
from numpy.typing import NDArray

from posebeam.transforms.people import People
from posebeam.transforms.skeleton import skeleton

_SKELETON = "coco17"  # of nobody


class Blind:
    """An estimator without a network: frames uint8 RGB [H, W, 3] to nobody, one frame a batch."""

    name, min_score, several = "", 0.0, False
    batch_size, wants_hints, device_kind, halvings = 1, False, "cpu", 0

    def __init__(self) -> None:
        self.skeleton = skeleton(_SKELETON)
        self._nobody = People.nobody(_SKELETON)

    def __call__(self, frames: Sequence[NDArray[np.uint8]], hints: Sequence[Hashable | None]) -> list[People]:
        """Nobody, in each frame."""
        return [self._nobody] * len(frames)

    def next_hint(self, people: People, size: tuple[int, int]) -> Hashable | None:
        """Nothing."""
        return None
