"""Cells: a matrix as shaded cells on axes."""

import numpy as np
from matplotlib.axes import Axes
from matplotlib.colors import to_rgb
from matplotlib.patches import Rectangle
from numpy.typing import NDArray

MANY = 30  # rows: cells of more are too small for a figure in each, and too many for a shape each


def shade(axes: Axes, shades: NDArray[np.floating], colours: NDArray[np.str_]) -> None:
    """Row by row from the top: shades [R, C], 0 (nothing) to 1 of colours [R, C], around whole numbers."""
    rows, columns = shades.shape
    if rows > MANY:
        faces = np.array([[to_rgb(colour) for colour in row] for row in colours])
        axes.imshow(np.dstack((faces, shades)), aspect="auto", interpolation="none")
    else:
        for row, column in np.argwhere(shades > 0).tolist():
            place, alpha = (column - 0.46, row - 0.46), float(shades[row, column])
            axes.add_patch(Rectangle(place, 0.92, 0.92, color=colours[row, column], alpha=alpha, linewidth=0))
    axes.set_xlim(-0.5, columns - 0.5)
    axes.set_ylim(rows - 0.5, -0.5)
    axes.tick_params(length=0)
    axes.spines[:].set_visible(False)
