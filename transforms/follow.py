"""Follower: frame by frame, which person of a clip is followed."""

import numpy as np

from posebeam.transforms.people import People
from posebeam.transforms.track import SEGMENT, PoseTrack


class Follower:
    """Turns one clip's people, frame after frame, into segments of tracks; holds at most one segment.

    For backbones that see one person: person 0 is whoever they see, and a frame with nobody is missing from
    the track. ValueError if a frame holds more people, or does not come after the frame before.
    """

    def __init__(self, clip_id: str, skeleton_name: str):
        self._clip_id = clip_id
        self._skeleton_name = skeleton_name
        self._numbers: list[int] = []
        self._people: list[People] = []
        self._last = -1

    def push(self, number: int, people: People) -> list[PoseTrack]:
        """Take in the people of one frame; return the segments that are full now."""
        if len(people) > 1:
            raise ValueError(f"{self._clip_id}, frame {number}: got {len(people)} people, expected at most one")
        if number <= self._last:
            raise ValueError(f"{self._clip_id}: frame {number} came after frame {self._last}")
        self._last = number
        if len(people):
            self._numbers.append(number)
            self._people.append(people)
        return self._cut() if len(self._numbers) == SEGMENT else []

    def finish(self) -> list[PoseTrack]:
        """The clip has ended: return what is left."""
        return self._cut() if self._numbers else []

    def _cut(self) -> list[PoseTrack]:
        track = PoseTrack(
            clip_id=self._clip_id,
            person=0,
            skeleton_name=self._skeleton_name,
            frames=np.array(self._numbers, np.int32),
            xy=np.concatenate([people.xy for people in self._people]),
            score=np.concatenate([people.score for people in self._people]),
        )
        self._numbers, self._people = [], []
        return [track]
