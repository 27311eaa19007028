"""Sheet: a figure laid out in inches from its top left corner, with a title and a line below it."""

from pathlib import Path
from typing import Any

from matplotlib.figure import Figure

DPI = 120
TITLE = 0.65  # inches that the title and the line take
_NARROWEST = 9.0  # inches: room for both


class Sheet:
    """What a picture is drawn on; equal content gives equal bytes."""

    def __init__(self, width: float, height: float, title: str, note: str):
        """width and height in inches; a narrow sheet is made wide enough for its words."""
        self.width, self.height = max(width, _NARROWEST), height
        self.figure = Figure(figsize=(self.width, height), dpi=DPI)
        # A file may be called $1 or $x$: names are text, not formulas.
        for down, size, colour, text in ((0.12, 13, "black", title), (0.42, 9, "dimgrey", note)):
            place = (0.1 / self.width, 1 - down / height)
            self.figure.text(*place, text, fontsize=size, color=colour, va="top", parse_math=False)

    def axes(self, left: float, top: float, width: float, height: float) -> Any:
        """Axes of that size without ticks, `left` and `top` inches from the corner."""
        low = self.height - top - height
        place = (left / self.width, low / self.height, width / self.width, height / self.height)
        axes = self.figure.add_axes(place)
        axes.set(xticks=[], yticks=[])
        return axes

    def picture(self, axes: Any, rgb: Any, label: str = "") -> None:
        """A picture uint8 [H, W, 3] on axes, and a name to its left."""
        axes.imshow(rgb, interpolation="bilinear")
        axes.set_ylabel(label, fontsize=9, rotation=0, ha="right", va="center", parse_math=False)

    def save(self, path: Path) -> None:
        """Write the PNG."""
        self.figure.savefig(path, metadata={"Software": None})


def label_width(labels: list[str]) -> float:
    """Inches that names of one or more lines take at the left edge."""
    return 0.2 + 0.08 * max(len(line) for label in labels for line in label.split("\n"))
