"""MoveNet's hint: the square of the next frame that holds the person, after the last one's pose."""

from dataclasses import dataclass

import numpy as np

from posebeam.transforms.people import People

TRUSTED = 0.2  # a joint above this score takes part
TORSO_ROOM, BODY_ROOM = 1.9, 1.2  # half a side, in the widest reach of torso and body from the hips
# Corners and sides lie on a grid, so that differences of rounding in a pose cannot grow from frame to frame.
GRID = 4  # source pixels
_SHOULDERS, _HIPS = ("left_shoulder", "right_shoulder"), ("left_hip", "right_hip")


@dataclass(frozen=True)
class Square:
    """A square of whole source pixels, which may reach beyond the frame."""

    x: int
    y: int
    side: int

    @property
    def box(self) -> tuple[int, int, int, int]:
        """x0, y0, x1, y1."""
        return self.x, self.y, self.x + self.side, self.y + self.side


def whole(size: tuple[int, int]) -> Square:
    """The square around a whole frame (H, W): what is letterboxed."""
    H, W = size
    side = max(H, W)
    return Square((W - side) // 2, (H - side) // 2, side)


def next_square(people: People, size: tuple[int, int]) -> Square | None:
    """Where to look in the next frame (H, W); None is the whole frame: nobody, or no torso to be seen.

    The square lies around the middle of the hips and reaches 1.9 times as far as the torso's farthest joint
    and 1.2 times as far as the body's, along the wider axis, but never beyond the frame's farthest side.
    Source: crop regions of the tutorial tensorflow.org/hub/tutorials/movenet.
    """
    if len(people) == 0:
        return None
    index, xy, score = people.skeleton.indices, people.xy[0].astype(np.float64), people.score[0]
    if not all((score[index(pair)] > TRUSTED).any() for pair in (_SHOULDERS, _HIPS)):
        return None
    centre = xy[index(_HIPS)].mean(0)
    away = np.abs(xy - centre)  # [K, 2]
    half = max(
        TORSO_ROOM * away[index(_SHOULDERS + _HIPS)].max(),
        BODY_ROOM * away[score >= TRUSTED].max(),
    )
    farthest = np.concatenate((centre, np.array(size[::-1]) - centre)).max()
    half = min(half, farthest)
    if half > max(size) / 2:
        return None
    x, y = (int(corner) for corner in np.rint((centre - half) / GRID) * GRID)
    return Square(x, y, max(GRID, round(2 * half / GRID) * GRID))
