"""Follower: frame by frame, who of a clip's people is who."""

from dataclasses import dataclass, field

import numpy as np
from numpy.typing import NDArray

from posebeam.transforms.assign import assign, box_area, iou, oks, sigmas
from posebeam.transforms.people import People
from posebeam.transforms.skeleton import skeleton
from posebeam.transforms.track import SEGMENT, PoseTrack

LOST = 30  # frames without a sighting after which a track ends: a second of most videos
ALIKE = 0.2  # mean of OKS and IoU under which a sighting is someone else
_KEEP = 0.5  # share of the old speed in the new one
_DAMP = 0.97  # of the speed that is left a frame later: nobody walks on for ever behind a pillar
_LOOSEN = 0.1  # of its size by which an unseen person may stray further a frame


@dataclass(eq=False)
class _Open:
    """A track that may go on. xy [K, 2], seen [K], box [4] of the last sighting; speed [2] in pixels a frame."""

    person: int
    last: int
    xy: NDArray[np.float64]
    seen: NDArray[np.bool_]
    box: NDArray[np.float64]
    speed: NDArray[np.float64] = field(default_factory=lambda: np.zeros(2))
    held: list[tuple[int, NDArray[np.float32], NDArray[np.float32]]] = field(default_factory=list)

    def shift(self, number: int) -> NDArray[np.float64]:
        """How far [2] the person has probably gone until frame `number`."""
        return self.speed * (1 - _DAMP ** (number - self.last)) / (1 - _DAMP)


class Follower:
    """Turns one clip's people, frame after frame, into segments of tracks.

    several: frames may hold many people. Each is matched with where the tracks' people should be by now, on the
    mean of OKS and IoU; a track ends when its person was not seen for LOST frames, so it survives a short
    occlusion. Otherwise the backbone sees one person, who is person 0, whoever that is.
    min_score: a joint below it takes no part. Holds at most a segment a person who may still return.
    People are numbered in the order in which they appear. A frame without a person is missing from the track.
    """

    def __init__(self, clip_id: str, skeleton_name: str, *, min_score: float, several: bool):
        self._clip_id, self._skeleton_name = clip_id, skeleton_name
        self._min_score, self._several = min_score, several
        self._k = 2 * sigmas(skeleton(skeleton_name))
        self._open: list[_Open] = []
        self._count = 0
        self._last = -1

    @property
    def held_from(self) -> int:
        """The first frame that may still come out in a segment."""
        return min((track.held[0][0] for track in self._open if track.held), default=self._last + 1)

    def push(self, number: int, people: People) -> tuple[list[PoseTrack], list[int]]:
        """Take in the people of one frame; return the segments that are complete, and who has ended with them.

        ValueError for a frame that does not come after the frame before, or holds too many people.
        """
        if len(people) > 1 and not self._several:
            raise ValueError(f"{self._clip_id}, frame {number}: got {len(people)} people, expected at most one")
        if number <= self._last:
            raise ValueError(f"{self._clip_id}: frame {number} came after frame {self._last}")
        self._last = number
        gone = [track for track in self._open if self._several and number - track.last > LOST]
        self._open = [track for track in self._open if track not in gone]
        if len(people):
            self._see(number, people)
        full = [track for track in self._open if len(track.held) == SEGMENT]
        return [self._cut(track) for track in [*gone, *full] if track.held], [track.person for track in gone]

    def finish(self) -> list[PoseTrack]:
        """The clip has ended: return what is left, of all people."""
        left, self._open = self._open, []
        return [self._cut(track) for track in left if track.held]

    def _see(self, number: int, people: People) -> None:
        """Give each person to the track that they continue, or to a new one."""
        xy, boxes = people.xy.astype(np.float64), people.boxes.astype(np.float64)
        seen = people.score >= self._min_score
        owners = {b: self._open[a] for a, b in self._pairs(number, xy, seen, boxes)}
        for index in range(len(people)):
            track = owners.get(index)
            if track is None:
                track = _Open(self._count, number, xy[index], seen[index], boxes[index])
                self._open.append(track)
                self._count += 1
            elif self._several:  # nobody asks where the only one will be
                _move(track, number, xy[index], seen[index], boxes[index])
            track.held.append((number, people.xy[index], people.score[index]))

    def _pairs(
        self, number: int, xy: NDArray[np.float64], seen: NDArray[np.bool_], boxes: NDArray[np.float64]
    ) -> list[tuple[int, int]]:
        """Which open track goes on as which of the people xy [P, K, 2], seen [P, K], boxes [P, 4]."""
        if not self._open:
            return []
        if not self._several:
            return [(0, 0)]
        shift = np.stack([track.shift(number) for track in self._open])
        before = np.stack([track.box for track in self._open]) + np.tile(shift, 2)
        joints = np.stack([track.xy for track in self._open]) + shift[:, None]
        known = np.stack([track.seen for track in self._open])
        loose = np.array([1 + _LOOSEN * (number - track.last - 1) for track in self._open])
        area = np.sqrt(box_area(before)[:, None] * box_area(boxes)[None]) * loose[:, None] ** 2
        alike = (oks(joints, known, xy, seen, area, self._k) + iou(before, boxes)) / 2
        return assign(alike, ALIKE)

    def _cut(self, track: _Open) -> PoseTrack:
        numbers, xy, score = zip(*track.held, strict=True)
        track.held = []
        return PoseTrack(
            clip_id=self._clip_id,
            person=track.person,
            skeleton_name=self._skeleton_name,
            frames=np.array(numbers, np.int32),
            xy=np.stack(xy),
            score=np.stack(score),
        )


def _move(
    track: _Open, number: int, xy: NDArray[np.float64], seen: NDArray[np.bool_], box: NDArray[np.float64]
) -> None:
    """The person was seen again: where, and how fast they go."""
    both, frames = track.seen & seen, number - track.last
    if both.any():
        moved = (xy[both] - track.xy[both]).mean(0) / frames
        track.speed = _KEEP * track.speed + (1 - _KEEP) * moved
    track.last, track.xy, track.seen, track.box = number, xy, seen, box
