"""Skeletons: bodies on axes and as lines, their left blue and their right orange."""

from collections.abc import Iterable, Mapping

import numpy as np
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from numpy.typing import NDArray

from posebeam.transforms.layout import CHANNELS
from posebeam.transforms.skeleton import Skeleton
from posebeam.workflows.draw import LEFT, RIGHT
from posebeam.workflows.report.svg import FAINT, INK, SERIES, styled

Points = NDArray[np.floating]
Mask = NDArray[np.bool_]

COLOURS = {
    "left": "#{:02x}{:02x}{:02x}".format(*LEFT),
    "right": "#{:02x}{:02x}{:02x}".format(*RIGHT),
    "middle": INK,
    "between": FAINT,
}
_FASTER = 4  # times that a velocity is drawn, to be seen


def positions(x: NDArray[np.float32]) -> NDArray[np.float32]:
    """Windows [..., T, 52] to where the joints are, [..., T, 13, 2]."""
    return x.reshape(*x.shape[:-1], 13, CHANNELS)[..., :2]


@styled
def still(xy: Points, valid: Mask, skeleton: Skeleton, title: str, moving: Points | None = None) -> Figure:
    """One frame, xy [K, 2] and valid [K], on axes that tell the unit; moving [K, 2] is drawn as arrows."""
    figure = Figure(figsize=(2.3, 2.9), layout="constrained")
    axes = figure.add_subplot()
    draw(axes, xy[None], valid[None], skeleton)
    if moving is not None:
        (x, y), (dx, dy) = xy[valid].T, _FASTER * moving[valid].T
        axes.quiver(x, y, dx, dy, color=SERIES[2], angles="xy", scale_units="xy", scale=1, width=0.014)
    axes.set_aspect("equal", adjustable="datalim")
    axes.invert_yaxis()
    axes.grid()
    axes.tick_params(labelsize=7)
    axes.set_title(title)
    return figure


def draw(axes: Axes, xy: Iterable[Points], valid: Iterable[Mask], skeleton: Skeleton) -> None:
    """Bodies, each xy [K, 2] and valid [K]; a joint that was not seen is left out with its limbs."""
    bodies = list(zip(xy, valid, strict=True))
    for strokes, width in ((limbs, 1.5), (dots, 3.2)):
        lines: dict[str, list[Points]] = {}
        for points, seen in bodies:
            for side, own in strokes(points, seen, skeleton).items():
                lines.setdefault(side, []).extend(own)
        for side, own in lines.items():
            _stroke(axes, own, COLOURS[side], width)


def limbs(xy: Points, seen: Mask, skeleton: Skeleton) -> Mapping[str, list[Points]]:
    """The lines [2, 2] between joints xy [K, 2] that were seen [K], by whose side they are: a key of COLOURS."""
    sides, found = _sides(skeleton), dict[str, list[Points]]()
    for a, b in skeleton.limb_indices:
        if seen[a] and seen[b]:
            found.setdefault(_side(sides[a], sides[b]), []).append(xy[[a, b]])
    return found


def dots(xy: Points, seen: Mask, skeleton: Skeleton) -> Mapping[str, list[Points]]:
    """Joints as lines of no length."""
    sides, found = _sides(skeleton), dict[str, list[Points]]()
    for joint in np.flatnonzero(seen).tolist():
        found.setdefault(_side(sides[joint], sides[joint]), []).append(xy[[joint, joint]])
    return found


def _stroke(axes: Axes, lines: list[Points], colour: str, width: float) -> None:
    """Lines [2, 2] as one path, which is short: a dot is a line of no length with round ends."""
    breaks = np.full((len(lines), 1, 2), np.nan)
    path = np.concatenate((np.stack(lines), breaks), 1).reshape(-1, 2)
    axes.plot(*path.T, color=colour, linewidth=width, solid_capstyle="round", clip_on=False)


def _sides(skeleton: Skeleton) -> list[str]:
    return [joint.split("_")[0] if joint.startswith(("left_", "right_")) else "" for joint in skeleton.joints]


def _side(a: str, b: str) -> str:
    """A limb between a side and the middle takes the side; one between the sides is neither's."""
    return "between" if a and b and a != b else a or b or "middle"
