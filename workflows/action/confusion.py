"""Confusion: the picture of a confusion matrix."""

from pathlib import Path

import numpy as np
from matplotlib.figure import Figure

from posebeam.workflows.action.metrics import Scores

_NOTHING = "(no window)"
_MOST_LETTERS = 40  # of a class's name: longer ones leave no room for the matrix
_MOST_NAMES, _MOST_INCHES = 110, 48.0  # beyond so many classes a picture with their names fits no memory


def draw_confusion(scores: Scores, title: str, path: Path) -> None:
    """Write a PNG: rows are the truth, columns what was said, shades the share of the row, figures clips. Where
    clips gave no window a last column counts them. Hundreds of classes are numbered, not named."""
    names = [_short(name) for name in scores.classes]
    silent = scores.silent is not None and bool(scores.silent.any())
    matrix, said = (scores.answers, [*names, _NOTHING]) if silent else (scores.clips, names)
    side = min(max(4.0, 0.42 * len(names) + 2), _MOST_INCHES)
    figure = Figure(figsize=(side + 0.8, side), dpi=120, layout="constrained")
    axes = figure.add_subplot()
    shades = matrix / np.maximum(matrix.sum(1, keepdims=True), 1)
    image = axes.imshow(shades, cmap="Blues", vmin=0, vmax=1)
    if len(names) <= _MOST_NAMES:
        # A folder may be called $1 or $x$: names are text, not formulas.
        axes.set_xticks(range(len(said)), said, rotation=45, ha="right", rotation_mode="anchor", parse_math=False)
        axes.set_yticks(range(len(names)), names, parse_math=False)
    axes.set_title(title, parse_math=False)
    axes.set(xlabel="said", ylabel="truth")
    if len(names) <= 30:  # more figures than that cannot be read
        for (row, column), count in np.ndenumerate(matrix):
            if count:
                dark = shades[row, column] > 0.5
                axes.text(column, row, str(count), ha="center", va="center", color="white" if dark else "black")
    figure.colorbar(image, label="share of the class", shrink=0.8)
    figure.savefig(path)


def _short(name: str) -> str:
    return name if len(name) <= _MOST_LETTERS else f"{name[: _MOST_LETTERS - 1]}…"
