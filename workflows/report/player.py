"""Player: a window as a small moving picture: lines for each frame, which the page's script shows one by one."""

from dataclasses import dataclass

import numpy as np

from posebeam.workflows.report.examples import Motion
from posebeam.workflows.report.skeletons import COLOURS, Mask, Points, dots, limbs

SIDE = 160  # of the square that it is drawn in; what is nearer than its unit looks the same
_MARGIN = 10


@dataclass(frozen=True)
class Player:
    """strokes are paths [T][4], in the order of COLOURS; numbers the frames' own [T]; rate is frames a second."""

    strokes: tuple[tuple[str, ...], ...]
    numbers: tuple[int, ...]
    rate: float

    @property
    def first(self) -> int:
        """The frame that is shown before anything is played: the middle one."""
        return len(self.strokes) // 2

    @property
    def text(self) -> str:
        """The strokes as the page's script takes them: frames apart by semicolons, paths by bars."""
        return ";".join(map("|".join, self.strokes))


def player(motion: Motion) -> Player:
    """The motion in its place: the square holds wherever the person goes."""
    inside = motion.xy[motion.seen] if motion.seen.any() else np.zeros((1, 2))
    low, high = np.percentile(inside, (1, 99), axis=0)
    zoom = (SIDE - 2 * _MARGIN) / max(*(high - low), 1e-6)
    xy = (motion.xy - (low + high) / 2) * zoom + SIDE / 2
    xy = np.clip(np.nan_to_num(xy), -SIDE, 2 * SIDE).round().astype(int)
    strokes = tuple(_paths(points, seen, motion) for points, seen in zip(xy, motion.seen, strict=True))
    return Player(strokes, tuple(motion.numbers.tolist()), motion.rate)


def _paths(xy: Points, seen: Mask, motion: Motion) -> tuple[str, ...]:
    """One path for each of COLOURS: limbs, and as dots the joints that no limb ends in, or of no side."""
    lines, points = limbs(xy, seen, motion.skeleton), dots(xy, seen, motion.skeleton)
    ends = {tuple(end) for own in lines.values() for line in own for end in line.tolist()}
    alone = {
        side: [dot for dot in own if side == "middle" or tuple(dot[0].tolist()) not in ends]
        for side, own in points.items()
    }
    return tuple("".join(map(_line, (*lines.get(side, ()), *alone.get(side, ())))) for side in COLOURS)


def _line(line: Points) -> str:
    (x, y), (dx, dy) = line[0].tolist(), (line[1] - line[0]).tolist()
    return f"M{x} {y}l{dx} {dy}" if dx or dy else f"M{x} {y}h0"
