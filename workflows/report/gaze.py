"""Gaze: which frames of a window or clip a model attends to, on a page."""

import numpy as np
from matplotlib.figure import Figure
from matplotlib.ticker import MaxNLocator

from posebeam.workflows.report.attention import Gaze, Looker
from posebeam.workflows.report.section import Block, picture
from posebeam.workflows.report.strip import SHADES
from posebeam.workflows.report.svg import LINE, SERIES, styled

_MANY = 30  # classes: names of more must be small
_OF_WINDOWS = (
    "What the class token takes from each frame: the mean over {count:,} windows of the {part} part. Dashed: all "
    "frames alike, and the token itself as one of them."
)
_OF_CLIPS = (
    "What a clip's frames take from each of them: the mean over {count:,} clips of the {part} part. Dashed: all "
    "frames alike. What is said of a clip is then made of the largest value of each feature over its frames."
)


def gaze_block(name: str, part: str, looker: Looker) -> Block | None:
    """Means over rows of a part; None where it has none."""
    found = looker.gaze(part)
    if found is None:
        return None
    row = "window" if looker.of_windows else "clip"
    text = (_OF_WINDOWS if looker.of_windows else _OF_CLIPS).format(count=found.count, part=part)
    pictures = [
        picture(_by_layer(found, row), f"{name}: attention by layer", "Each layer, over all classes"),
        picture(
            _by_class(found, row),
            f"{name}: attention by class",
            "Each class, over all layers: strong is most, pale least",
        ),
    ]
    return Block("Where it looks", text, pictures=pictures)


@styled
def _by_layer(gaze: Gaze, row: str) -> Figure:
    figure = Figure(figsize=(4.6, 2.7), layout="constrained")
    axes = figure.add_subplot()
    for layer, taken in enumerate(gaze.by_layer):
        axes.plot(taken, color=SERIES[layer % len(SERIES)], label=f"layer {layer}")
    axes.plot(gaze.even, color=LINE, linewidth=1, linestyle="--")
    axes.set(xlabel=f"frame of the {row}", ylabel="share", ylim=(0, None))
    axes.xaxis.set_major_locator(MaxNLocator(integer=True))
    axes.grid(axis="y")
    axes.legend(fontsize=8, ncols=2)
    return figure


@styled
def _by_class(gaze: Gaze, row: str) -> Figure:
    C = len(gaze.classes)
    size = 8 if C <= _MANY else 6
    figure = Figure(figsize=(4.6, (0.2 if C <= _MANY else 0.13) * C + 0.8), layout="constrained")
    axes = figure.add_subplot()
    axes.imshow(gaze.by_class, cmap=SHADES, aspect="auto", interpolation="none")
    names = [name if len(name) <= 24 else f"{name[:23]}…" for name in gaze.classes]
    axes.set_yticks(np.arange(C), names, fontsize=size)
    axes.set_xlabel(f"frame of the {row}")
    axes.tick_params(length=0)
    axes.spines[:].set_visible(False)
    return figure
