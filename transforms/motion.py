"""Motion: one clip's people, frame after frame, to tracks and windows."""

from posebeam.transforms.follow import Follower
from posebeam.transforms.people import People
from posebeam.transforms.track import PoseTrack
from posebeam.transforms.windows import Window, Windower, WindowRule

Moved = tuple[list[PoseTrack], list[Window]]


class Motion:
    """Follows a clip's people and cuts their windows; holds at most a segment and a window a person."""

    def __init__(self, clip_id: str, skeleton_name: str, rule: WindowRule):
        self._follower = Follower(clip_id, skeleton_name)
        self._windowers: dict[int, Windower] = {}
        self._rule = rule

    def push(self, number: int, people: People) -> Moved:
        """Take in the people of one frame; return the segments and windows that are complete now."""
        return self._window(self._follower.push(number, people))

    def finish(self) -> Moved:
        """The clip has ended: return what is left."""
        tracks, found = self._window(self._follower.finish())
        return tracks, [*found, *(window for cut in self._windowers.values() for window in cut.finish())]

    def _window(self, tracks: list[PoseTrack]) -> Moved:
        return tracks, [window for track in tracks for window in self._of(track.person).push(track)]

    def _of(self, person: int) -> Windower:
        return self._windowers.setdefault(person, Windower(self._rule))
