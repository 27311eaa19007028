"""Skeletons: people as strips of skeletons, their left blue and their right orange."""

from collections.abc import Iterable

import numpy as np
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from numpy.typing import NDArray

from posebeam.transforms.layout import CHANNELS
from posebeam.transforms.skeleton import Skeleton
from posebeam.workflows.draw import LEFT, RIGHT
from posebeam.workflows.report.svg import FAINT, INK, styled

Points = NDArray[np.floating]
Mask = NDArray[np.bool_]

_SHOWN = 10  # frames of a strip
_GAP = 0.2  # between two of them, of a frame's width
_TALL, _WIDEST = 1.4, 10.5  # inches
_COLOURS = {"left": "#{:02x}{:02x}{:02x}".format(*LEFT), "right": "#{:02x}{:02x}{:02x}".format(*RIGHT)}


def positions(x: NDArray[np.float32]) -> NDArray[np.float32]:
    """Windows [..., T, 52] to where the joints are, [..., T, 13, 2]."""
    return x.reshape(*x.shape[:-1], 13, CHANNELS)[..., :2]


@styled
def film(xy: Points, valid: Mask, skeleton: Skeleton, numbers: NDArray[np.integer]) -> Figure:
    """A strip of some of T frames: xy [T, K, 2], the joints that were seen (valid [T, K]), the frames' numbers.

    All frames have one scale and one place, so that motion through the picture is seen. y points down.
    """
    chosen = np.unique(np.linspace(0, len(xy) - 1, min(_SHOWN, len(xy))).round().astype(int))
    seen = xy[valid] if valid.any() else np.zeros((1, 2))
    low, high = np.percentile(seen, (1, 99), axis=0)  # a far-off guess must not shrink the rest
    width, height = np.maximum(high - low, 1e-6)
    step = max(width, 0.4 * height) * (1 + _GAP)
    middle = np.array([(low[0] + high[0]) / 2, 0.0])
    moved = [xy[at] - middle + (place * step, 0.0) for place, at in enumerate(chosen)]
    aspect = len(chosen) * step / (1.28 * height)
    tall = min(_TALL, _WIDEST / aspect)
    figure = Figure(figsize=(tall * aspect, tall))
    axes = figure.add_axes((0, 0, 1, 1))
    draw(axes, moved, valid[chosen], skeleton)
    for place, at in enumerate(chosen):
        axes.text(place * step, high[1] + 0.17 * height, str(numbers[at]), ha="center", color=FAINT, fontsize=7)
    axes.set_xlim(-step / 2, (len(chosen) - 0.5) * step)
    axes.set_ylim(high[1] + 0.2 * height, low[1] - 0.08 * height)
    axes.set_aspect("equal")
    axes.axis("off")
    return figure


@styled
def still(xy: Points, valid: Mask, skeleton: Skeleton, title: str) -> Figure:
    """One frame, xy [K, 2] and valid [K], on axes that tell the unit."""
    figure = Figure(figsize=(2.3, 2.9), layout="constrained")
    axes = figure.add_subplot()
    draw(axes, xy[None], valid[None], skeleton)
    axes.set_aspect("equal", adjustable="datalim")
    axes.invert_yaxis()
    axes.grid()
    axes.tick_params(labelsize=7)
    axes.set_title(title)
    return figure


def draw(axes: Axes, xy: Iterable[Points], valid: Iterable[Mask], skeleton: Skeleton) -> None:
    """Bodies, each xy [K, 2] and valid [K]; a joint that was not seen is left out with its limbs."""
    sides = [joint.split("_")[0] if joint.startswith(("left_", "right_")) else "" for joint in skeleton.joints]
    limbs: dict[str, list[Points]] = {}
    dots: dict[str, list[Points]] = {}
    for points, seen in zip(xy, valid, strict=True):
        for a, b in skeleton.limb_indices:
            if seen[a] and seen[b]:
                limbs.setdefault(_colour(sides[a], sides[b]), []).append(points[[a, b]])
        for joint in np.flatnonzero(seen):
            dots.setdefault(_colour(sides[joint], sides[joint]), []).append(points[[joint, joint]])
    for strokes, width in ((limbs, 1.5), (dots, 3.2)):
        for colour, lines in strokes.items():
            _stroke(axes, lines, colour, width)


def _stroke(axes: Axes, lines: list[Points], colour: str, width: float) -> None:
    """Lines [2, 2] as one path, which is short: a dot is a line of no length with round ends."""
    breaks = np.full((len(lines), 1, 2), np.nan)
    path = np.concatenate((np.stack(lines), breaks), 1).reshape(-1, 2)
    axes.plot(*path.T, color=colour, linewidth=width, solid_capstyle="round", clip_on=False)


def _colour(a: str, b: str) -> str:
    """A limb between a side and the middle takes the side; one between the sides is neither's."""
    return FAINT if a and b and a != b else _COLOURS.get(a or b, INK)
