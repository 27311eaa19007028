"""PoseTrack: one person through a stretch of one clip."""

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from posebeam.transforms.skeleton import Skeleton, skeleton

SEGMENT = 1024  # frames at most: long videos become several segments, so memory stays flat


@dataclass(frozen=True, eq=False)
class PoseTrack:
    """A segment of at most 1,024 frames of one person through one clip.

    frames  int32   [T]        rising; a number that is missing is a frame without the person
    xy      float32 [T, K, 2]  source pixels
    score   float32 [T, K]
    """

    clip_id: str
    person: int
    skeleton_name: str
    frames: NDArray[np.int32]
    xy: NDArray[np.float32]
    score: NDArray[np.float32]

    def __post_init__(self) -> None:
        T, K = len(self.frames), len(self.skeleton)
        got = (self.frames.shape, self.xy.shape, self.score.shape)
        if got != ((T,), (T, K, 2), (T, K)) or not 0 < T <= SEGMENT:
            raise ValueError(
                f"PoseTrack of {self.clip_id}: got frames, xy, score of {got}, "
                f"expected [T], [T, {K}, 2], [T, {K}] with 1 <= T <= {SEGMENT}"
            )
        if not (np.diff(self.frames) > 0).all() or self.frames[0] < 0:
            raise ValueError(f"PoseTrack of {self.clip_id}: frame numbers do not rise from 0 or above")

    def __len__(self) -> int:
        return len(self.frames)

    @property
    def skeleton(self) -> Skeleton:
        """The skeleton whose joints the K axis counts."""
        return skeleton(self.skeleton_name)
