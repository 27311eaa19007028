"""Strip: a window as a row of skeletons, with what a model's class token takes from each frame above it."""

import numpy as np
from matplotlib.axes import Axes
from matplotlib.colors import LinearSegmentedColormap, to_rgb
from matplotlib.figure import Figure
from numpy.typing import NDArray

from posebeam.workflows.report.examples import Motion
from posebeam.workflows.report.skeletons import draw
from posebeam.workflows.report.svg import FAINT, SERIES, styled

_WIDE, _ASPECT = 9.4, 8.0  # inches, and how many times its height a strip is wide
_FEWEST, _MOST = 5, 16  # frames that are shown
_GAP = 0.15  # between two of them, of a frame's width
_ROOM = 1.28  # a frame's height with its number, of a body's
_LAYER = 0.085  # inches of a layer's row of attention
# From nothing to full, on any paper.
SHADES = LinearSegmentedColormap.from_list("attention", [(*to_rgb(SERIES[4]), 0.04), (*to_rgb(SERIES[4]), 1.0)])


@styled
def strip(motion: Motion, attention: NDArray[np.float32] | None = None) -> Figure:
    """Some of a window's T frames at equal distances, all at one scale, each about the person's own middle.

    attention [L, T] is a row of shades a layer, the first on top. y points down.
    """
    about = motion.xy - _middles(motion)[:, None]
    inside = about[motion.seen] if motion.seen.any() else np.zeros((1, 2))
    low, high = np.percentile(inside, (2, 98), axis=0)  # a far-off guess must not shrink the rest
    width, height = np.maximum(high - low, 1e-6)
    height = max(height, width / 2)
    step = max(width, 0.4 * height) * (1 + _GAP)
    count = int(np.clip(round(_ASPECT * _ROOM * height / step), _FEWEST, min(_MOST, len(about))))
    step = max(step, _ASPECT * _ROOM * height / count)
    chosen = np.linspace(0, len(about) - 1, count).round().astype(int)
    tall = _WIDE * _ROOM * height / (count * step)
    rows = 0.0 if attention is None else len(attention) * _LAYER
    figure = Figure(figsize=(_WIDE, tall + rows))
    axes = figure.add_axes((0, 0, 1, tall / (tall + rows)))
    centre = (low + high) / 2
    moved = [about[at] - centre + (place * step, 0.0) for place, at in enumerate(chosen)]
    draw(axes, moved, motion.seen[chosen], motion.skeleton)
    for place, at in enumerate(chosen):
        number = str(motion.numbers[at])
        axes.text(place * step, 0.68 * height, number, ha="center", color=FAINT, fontsize=7)
    axes.set_xlim(-step / 2, (count - 0.5) * step)
    axes.set_ylim(0.71 * height, (0.71 - _ROOM) * height)
    axes.axis("off")
    if attention is not None:
        _shade(figure.add_axes((0, tall / (tall + rows), 1, rows / (tall + rows))), attention, count)
    return figure


def _shade(axes: Axes, attention: NDArray[np.float32], count: int) -> None:
    """Shades whose first and last columns stand above the first and last of `count` frames."""
    frames = attention.shape[1]
    cell = (count - 1) / (frames - 1)
    place = (-cell / 2, count - 1 + cell / 2, len(attention) - 0.5, -0.5)
    # Most looks go to a frame or two: by their roots, what is left can be told apart too.
    shown = np.sqrt(attention)
    axes.imshow(shown, cmap=SHADES, vmin=0, aspect="auto", interpolation="none", extent=place)
    axes.set_xlim(-0.5, count - 0.5)
    axes.axis("off")


def _middles(motion: Motion) -> NDArray[np.float64]:
    """[T, 2] middles of the joints that were seen; where none was, nothing is drawn."""
    middles = np.zeros((len(motion.xy), 2))
    for frame in np.flatnonzero(motion.seen.any(1)).tolist():
        middles[frame] = np.median(motion.xy[frame][motion.seen[frame]], axis=0)
    return middles
