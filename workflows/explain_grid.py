"""Grid: rows of pictures, each with what a network looked at laid over it, as one figure."""

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from matplotlib.cm import ScalarMappable
from matplotlib.figure import Figure
from matplotlib.patches import Rectangle
from numpy.typing import NDArray

# The colours and the opacity of github.com/yangsenius/TransPose, visualize.py.
COLOURS, OPACITY = "nipy_spectral", 0.79
DPI = 120
_TILE = 1.15  # inches across a picture
_GAP = 0.05
_RIGHT, _BOTTOM = 0.55, 0.15
_HEAD = 0.4  # above a row that has titles of its own
_TITLE = 0.65
_LETTER = 0.08  # inches of a label's letter


@dataclass(frozen=True, eq=False)
class Tile:
    """One picture of a row: what lies over it, [H, W] of any scale; a star, filled where it is sure; a box."""

    title: str
    heat: NDArray[np.floating]
    star: tuple[float, float] | None = None
    sure: bool = True
    box: tuple[float, float, float, float] | None = None


@dataclass(frozen=True, eq=False)
class Strip:
    """One row: its name, the picture of its first column, and the picture under the tiles, both [H, W, 3]."""

    label: str
    first: NDArray[np.uint8]
    under: NDArray[np.uint8]
    tiles: Sequence[Tile]

    @property
    def titles(self) -> list[str]:
        """What stands above its tiles."""
        return [tile.title for tile in self.tiles]


def draw_grid(strips: Sequence[Strip], title: str, note: str, path: Path) -> None:
    """Write a PNG. Each picture has a scale of its own, from 0 to its highest value.

    Titles of tiles stand above the first row and above any whose titles are others than those of the row before.
    """
    columns = 1 + max(len(strip.tiles) for strip in strips)
    left = 0.2 + _LETTER * max(len(line) for strip in strips for line in strip.label.splitlines())
    headed = [not i or strip.titles != strips[i - 1].titles for i, strip in enumerate(strips)]
    tall = [_TILE * strip.under.shape[0] / strip.under.shape[1] for strip in strips]
    width = left + columns * (_TILE + _GAP) + _RIGHT
    height = _TITLE + sum(tall) + sum(_HEAD if head else _GAP for head in headed) + _BOTTOM
    figure = Figure(figsize=(width, height), dpi=DPI)
    _write_title(figure, title, note)
    top = height - _TITLE
    for strip, head, own in zip(strips, headed, tall, strict=True):
        top -= _HEAD if head else _GAP
        for column in range(1 + len(strip.tiles)):
            place = (left + column * (_TILE + _GAP), top - own, _TILE, own)
            axes = figure.add_axes((place[0] / width, place[1] / height, place[2] / width, place[3] / height))
            axes.set(xticks=[], yticks=[])
            if not column:
                axes.imshow(strip.first, interpolation="bilinear")
                axes.set_ylabel(strip.label, fontsize=9, rotation=0, ha="right", va="center", parse_math=False)
            else:
                _draw(axes, strip.under, strip.tiles[column - 1])
                if head:
                    axes.set_title(strip.tiles[column - 1].title, fontsize=8, pad=3, parse_math=False)
        top -= own
    _add_scale(figure, width, height)
    figure.savefig(path, metadata={"Software": None})


def _draw(axes: Any, under: NDArray[np.uint8], tile: Tile) -> None:
    """One tile."""
    h, w = under.shape[:2]
    axes.imshow(under, interpolation="bilinear")
    most = float(tile.heat.max()) or 1.0
    axes.imshow(tile.heat, cmap=COLOURS, alpha=OPACITY, vmin=0, vmax=most, extent=(-0.5, w - 0.5, h - 0.5, -0.5))
    if tile.box is not None:
        x0, y0, x1, y1 = tile.box
        axes.add_patch(Rectangle((x0, y0), x1 - x0, y1 - y0, fill=False, color="white", linewidth=1.5))
    if tile.star is not None:
        x, y = tile.star
        filled = {"c": "white", "edgecolors": "black"} if tile.sure else {"c": "none", "edgecolors": "white"}
        axes.scatter([x], [y], s=70, marker="*", linewidths=0.5 if tile.sure else 1.0, **filled)
    axes.set(xlim=(-0.5, w - 0.5), ylim=(h - 0.5, -0.5))


def _write_title(figure: Figure, title: str, note: str) -> None:
    """The title and a line below it, top left."""
    height = figure.get_figheight()
    places = ((0.12, 13, "black", title), (0.42, 9, "dimgrey", note))
    for down, size, colour, text in places:
        figure.text(
            0.1 / figure.get_figwidth(), 1 - down / height, text, fontsize=size, color=colour, va="top",
            parse_math=False,
        )  # fmt: skip


def _add_scale(figure: Figure, width: float, height: float) -> None:
    """What the colours mean, at the right edge."""
    tall = min(2.0, height - _TITLE - _HEAD - _BOTTOM)
    bottom = height - _TITLE - _HEAD - tall
    axes = figure.add_axes(((width - 0.45) / width, bottom / height, 0.1 / width, tall / height))
    bar = figure.colorbar(ScalarMappable(cmap=COLOURS), cax=axes, ticks=[0, 1])
    bar.ax.set_yticklabels(["0", "most"], fontsize=7)
