"""People: what a pose backbone saw in one frame."""

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from posebeam.transforms.skeleton import Skeleton, skeleton


@dataclass(frozen=True, eq=False)
class People:
    """One frame's people in source pixels.

    xy     float32 [P, K, 2]  x to the right, y down, 0 at the top left corner of the frame
    score  float32 [P, K]     0..1, comparable within one backbone only
    boxes  float32 [P, 4]     x0, y0, x1, y1
    sure   float32 [P]        0..1, how sure the backbone is of each person; None where it does not say
    finite                    False: the network's output for this frame was not finite, so P = 0
    """

    skeleton_name: str
    xy: NDArray[np.float32]
    score: NDArray[np.float32]
    boxes: NDArray[np.float32]
    finite: bool = True
    sure: NDArray[np.float32] | None = None

    def __post_init__(self) -> None:
        P, K = self.score.shape
        want = {"xy": (P, len(self.skeleton), 2), "score": (P, len(self.skeleton)), "boxes": (P, 4)}
        if self.sure is not None:
            want["sure"] = (P,)
        for name, shape in want.items():
            array = getattr(self, name)
            if array.shape != shape or array.dtype != np.float32:
                raise ValueError(
                    f"People.{name}: got {array.dtype} {list(array.shape)}, expected float32 {list(shape)} "
                    f"for {P} people with the {K} joints of {self.skeleton_name}"
                )

    def __len__(self) -> int:
        return len(self.score)

    @property
    def skeleton(self) -> Skeleton:
        """The skeleton whose joints the K axis counts."""
        return skeleton(self.skeleton_name)

    def sureness(self, min_score: float) -> NDArray[np.float64]:
        """How sure each person [P] is: as the backbone says, or else the mean of the joints that were seen."""
        if self.sure is not None:
            return self.sure.astype(np.float64)
        return np.array([mean_seen(score, min_score) for score in self.score], np.float64)

    @classmethod
    def nobody(cls, skeleton_name: str, finite: bool = True) -> "People":
        """A frame without a person."""
        K = len(skeleton(skeleton_name))
        xy, score, boxes = (np.zeros(shape, np.float32) for shape in ((0, K, 2), (0, K), (0, 4)))
        return cls(skeleton_name, xy, score, boxes, finite)


def mean_seen(score: NDArray[np.float32], min_score: float) -> float:
    """Mean of the scores [K] that reach min_score, 0 if none does."""
    seen = score[score >= min_score]
    return float(seen.mean(dtype=np.float64)) if len(seen) else 0.0
