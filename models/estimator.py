"""What a pose backbone is to the loop: frames in, people out."""

from collections.abc import Hashable, Sequence
from typing import Protocol

import numpy as np
from numpy.typing import NDArray

from posebeam.transforms.follow import Follower
from posebeam.transforms.people import People
from posebeam.transforms.skeleton import Skeleton


class Estimator(Protocol):
    """Frames uint8 RGB [H, W, 3] of any sizes to People in source pixels, one for each frame, in order.

    A hint is what one frame's people tell about the next frame of the same clip (a crop), opaque to the loop;
    None means none. several: a frame may hold more than one person. batch_size is the most frames a call takes
    well. halvings counts batches that were split for lack of memory. device_kind is cpu or cuda.
    """

    name: str
    skeleton: Skeleton
    min_score: float
    several: bool
    batch_size: int
    wants_hints: bool
    device_kind: str

    @property
    def halvings(self) -> int: ...

    def __call__(self, frames: Sequence[NDArray[np.uint8]], hints: Sequence[Hashable | None]) -> list[People]: ...

    def next_hint(self, people: People, size: tuple[int, int]) -> Hashable | None:
        """The hint for the next frame; size is (H, W) of the frame that `people` were seen in. Pure."""
        ...


def follower(clip_id: str, estimator: Estimator) -> Follower:
    """Who follows a clip's people, as this backbone sees them."""
    return Follower(clip_id, estimator.skeleton.name, min_score=estimator.min_score, several=estimator.several)
