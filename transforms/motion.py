"""Motion: one clip's people, frame after frame, to tracks and windows."""

from posebeam.transforms.follow import Follower
from posebeam.transforms.main_person import MainPerson
from posebeam.transforms.people import People
from posebeam.transforms.track import PoseTrack
from posebeam.transforms.windows import Window, Windower, WindowRule

Moved = tuple[list[PoseTrack], list[Window]]


class Motion:
    """Follows a clip's people and cuts their windows; holds at most a segment and a window a person in sight.

    Who is the main person is known at the end only: windows of everybody are given out, `wants` says whose count.
    """

    def __init__(self, follower: Follower, rule: WindowRule):
        self._follower = follower
        self._windowers: dict[int, Windower] = {}
        self._rule = rule
        self._main = MainPerson(rule.min_score)

    @property
    def held_from(self) -> int:
        """The first frame that may still come out in a segment."""
        return self._follower.held_from

    def push(self, number: int, people: People) -> Moved:
        """Take in the people of one frame; return the segments and windows that are complete now."""
        tracks, ended = self._follower.push(number, people)
        windows = self._window(tracks)
        for person in ended:
            windows += self._windowers.pop(person).finish()
        return tracks, windows

    def finish(self) -> Moved:
        """The clip has ended: return what is left."""
        tracks = self._follower.finish()
        windows = self._window(tracks)
        return tracks, [*windows, *(window for cut in self._windowers.values() for window in cut.finish())]

    def wants(self, person: int) -> bool:
        """Whether windows of this person belong to the data, by what was seen so far."""
        return self._rule.person == "all" or person == self._main.person

    def _window(self, tracks: list[PoseTrack]) -> list[Window]:
        windows = []
        for track in tracks:
            self._main.add(track)
            windows += self._windowers.setdefault(track.person, Windower(self._rule)).push(track)
        return windows
