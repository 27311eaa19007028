"""MainPerson: whom a clip is about, out of all its tracks."""

from dataclasses import dataclass

import numpy as np

from posebeam.transforms.track import PoseTrack

PERSONS = ("main", "all")


@dataclass(eq=False)
class _Sums:
    """Sums over a person's frames. size: the diagonal around the joints seen, in pixels."""

    first: int
    last: int
    frames: int = 0
    size: float = 0.0
    score: float = 0.0
    joints: int = 0

    @property
    def rank(self) -> float:
        """Frames x mean size x mean score of seen joints x share of frames seen between first and last."""
        steady = self.frames / (self.last - self.first + 1)
        return self.size * (self.score / max(1, self.joints)) * steady


class MainPerson:
    """Ranks a clip's people while their segments come in, each person's in order.

    The longest, largest, steadiest track wins: the sum over its frames of how large the person is, times how
    sure their joints are, times the share of frames with them from their first to their last. How tracks are
    cut into segments matters no more than the last bit. Holds a few numbers a person.
    """

    def __init__(self, min_score: float):
        self._min_score = min_score
        self._people: dict[int, _Sums] = {}

    def add(self, track: PoseTrack) -> None:
        """Take in the next segment of a person."""
        first, last = int(track.frames[0]), int(track.frames[-1])
        sums = self._people.setdefault(track.person, _Sums(first, last))
        seen = track.score >= self._min_score  # [T, K]
        xy = track.xy.astype(np.float64)
        low = np.where(seen[..., None], xy, np.inf).min(1)
        high = np.where(seen[..., None], xy, -np.inf).max(1)
        some = seen.any(1)
        sums.last = last
        sums.frames += int(some.sum())
        sums.size += float(np.hypot(*(high - low)[some].T).sum())
        sums.score += float(track.score.astype(np.float64)[seen].sum())
        sums.joints += int(seen.sum())

    @property
    def person(self) -> int | None:
        """The main person so far, the earlier one of equals; None without a person."""
        return max(self._people, key=lambda person: (self._people[person].rank, -person), default=None)
