"""Windows: stretches of equal length cut from a track, as AcT sees them."""

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from posebeam.transforms.chain import FEATURES, chain
from posebeam.transforms.errors import ConfigError
from posebeam.transforms.layout import layout
from posebeam.transforms.main_person import PERSONS
from posebeam.transforms.track import PoseTrack

_CHOICES = {"mode": ("sliding", "first"), "short": ("pad", "drop"), "gaps": ("keep", "drop"), "person": PERSONS}


@dataclass(frozen=True, kw_only=True)
class WindowRule:
    """How windows are cut and what is in them. A joint below min_score, and all of a frame in a gap or in the
    padding, is not valid.

    mode   sliding: at 0, stride, 2 stride, ... from the first frame with the person; first: only the one at 0
    short  pad: a tail of half a window or more, with frames that no other window holds, is filled up by
           repeating the last pose, and so is any track shorter than a window; drop: tails are left out
    gaps   keep: windows count the clip's frames, those without the person are 0; drop: these go first
    person main: windows of the clip's main person (main_person.py); all: of everybody, but a track of less than
           half a window, mostly a false alarm, gives none
    """

    length: int = 30
    stride: int = 15
    mode: str = "sliding"
    short: str = "pad"
    gaps: str = "keep"
    person: str = "main"
    min_score: float
    chain: str = "act"
    layout: str = "act13-coco"

    def __post_init__(self) -> None:
        for name, known in _CHOICES.items():
            if getattr(self, name) not in known:
                raise ConfigError(f"{name}: got {getattr(self, name)!r}, expected {' or '.join(known)}")
        if self.length < 2 or self.stride < 1:
            raise ConfigError(
                f"got windows of {self.length} frames every {self.stride}, expected at least 2 frames every 1"
            )
        chain(self.chain), layout(self.layout)


@dataclass(frozen=True, eq=False)
class Window:
    """One window of one person: x float32 [length, 52], valid bool [length, 13]; start is a frame number."""

    clip_id: str
    person: int
    start: int
    x: NDArray[np.float32]
    valid: NDArray[np.bool_]

    def __post_init__(self) -> None:
        length = len(self.x)
        if self.x.shape != (length, FEATURES) or self.valid.shape != (length, FEATURES // 4):
            raise ValueError(
                f"Window of {self.clip_id}: got x {list(self.x.shape)}, valid {list(self.valid.shape)}, "
                f"expected [length, {FEATURES}] and [length, {FEATURES // 4}]"
            )


@dataclass(frozen=True, eq=False)
class _Frames:
    """Frames with the person: place [T] on the windows' axis, number [T] in the clip, xy and valid [T, K]."""

    place: NDArray[np.int64]
    number: NDArray[np.int64]
    xy: NDArray[np.float32]
    valid: NDArray[np.bool_]

    def since(self, place: int) -> "_Frames | None":
        """The frames from a place on; None if there are none."""
        first = int(np.searchsorted(self.place, place))
        if first == len(self.place):
            return None
        return _Frames(self.place[first:], self.number[first:], self.xy[first:], self.valid[first:])

    def then(self, more: "_Frames") -> "_Frames":
        """These frames and those that follow."""
        pairs = ((getattr(self, name), getattr(more, name)) for name in ("place", "number", "xy", "valid"))
        return _Frames(*(np.concatenate(pair) for pair in pairs))


class Windower:
    """Cuts the windows of one person of one clip while the track comes in, segment by segment.

    How the track is cut into segments makes no difference. Holds at most a segment and a window.
    A track of one frame is a still: it gives no window.
    """

    def __init__(self, rule: WindowRule):
        self._rule = rule
        self._chain, self._layout = chain(rule.chain), layout(rule.layout)
        self._track: PoseTrack | None = None  # the last segment: says whose windows these are
        self._held: _Frames | None = None  # frames that windows to come may hold
        self._count = 0  # frames with the person so far
        self._origin = 0  # number of the frame at place 0
        self._next = 0  # place where the next window starts

    def push(self, track: PoseTrack) -> list[Window]:
        """Take in the next segment; return the windows that are complete now, in order.

        ValueError if it is of another clip, person or skeleton, or does not come after the segment before.
        """
        self._check(track)
        fresh = self._place(track)
        if fresh is None:
            return []
        held = fresh if self._held is None else self._held.then(fresh)
        windows = self._cut(held, self._complete(held))
        whole = (int(held.place[-1]) + 1 - self._rule.length) // self._rule.stride
        self._next = max(0, whole + 1) * self._rule.stride
        self._held = held.since(self._next)
        return windows

    def finish(self) -> list[Window]:
        """The track has ended: return its tail as a padded window, or nothing."""
        held, rule = self._held, self._rule
        if held is None or rule.short == "drop" or (rule.mode == "first" and self._next):
            return []
        end = int(held.place[-1]) + 1
        if self._next == 0:
            worthy = end > 1 and (rule.person == "main" or 2 * end >= rule.length)
        else:
            seen = self._next - rule.stride + rule.length
            worthy = end > seen and 2 * (end - self._next) >= rule.length
        return self._cut(held, np.array([self._next])) if worthy else []

    def _check(self, track: PoseTrack) -> None:
        last, self._track = self._track, track
        if last is None:
            return
        same = (last.clip_id, last.person, last.skeleton_name)
        if same != (track.clip_id, track.person, track.skeleton_name) or track.frames[0] <= last.frames[-1]:
            raise ValueError(
                f"a segment of {track.clip_id}, person {track.person}, {track.skeleton_name} from frame "
                f"{track.frames[0]} cannot follow one of {same} that ends at frame {last.frames[-1]}"
            )

    def _place(self, track: PoseTrack) -> _Frames | None:
        columns = self._layout.indices(track.skeleton_name)
        valid = track.score[:, columns] >= self._rule.min_score
        rows = valid.any(-1)
        number = track.frames[rows].astype(np.int64)
        if not len(number):
            return None
        if not self._count:
            self._origin = int(number[0])
        place = number - self._origin
        if self._rule.gaps == "drop":
            place = self._count + np.arange(len(number))
        self._count += len(number)
        return _Frames(place, number, track.xy[rows][:, columns], valid[rows])

    def _complete(self, held: _Frames) -> NDArray[np.int64]:
        """Places [n] where windows start that are whole and hold a frame with the person, in order."""
        length, stride, end = self._rule.length, self._rule.stride, int(held.place[-1]) + 1
        # Counted from the frames that are there, so that an hour without the person costs nothing.
        back = np.arange(-(-length // stride))
        starts = np.unique(held.place[:, None] // stride - back) * stride
        whole = (starts >= self._next) & (starts + length <= end)
        return starts[whole & (starts == 0) if self._rule.mode == "first" else whole]

    def _cut(self, held: _Frames, starts: NDArray[np.int64]) -> list[Window]:
        if not len(starts):
            return []
        wanted = starts[:, None] + np.arange(self._rule.length)  # [n, length] places
        own = wanted <= held.place[-1]
        # Behind the last frame the last pose stands still.
        row = np.minimum(np.searchsorted(held.place, wanted), len(held.place) - 1)
        there = (held.place[row] == wanted) | ~own
        xy = np.where(there[..., None, None], held.xy[row], 0.0)
        x, seen = self._chain.apply(
            xy, held.valid[row] & there[..., None], self._layout.base.name, self._layout.name
        )
        seen &= own[..., None]
        number = self._origin + starts if self._rule.gaps == "keep" else held.number[row[:, 0]]
        found = zip(number.tolist(), x.astype(np.float32), seen, strict=True)
        return [self._window(start, *rest) for start, *rest in found if rest[1].any()]

    def _window(self, start: int, x: NDArray[np.float32], valid: NDArray[np.bool_]) -> Window:
        assert self._track is not None
        return Window(self._track.clip_id, self._track.person, start, x, valid)
