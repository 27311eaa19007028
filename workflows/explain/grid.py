"""Grid: rows of pictures, each with what a network looked at laid over it, as one figure."""

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from matplotlib.cm import ScalarMappable
from matplotlib.patches import Rectangle
from numpy.typing import NDArray

from posebeam.workflows.explain.sheet import TITLE, Sheet, label_width

# The colours and the opacity of github.com/yangsenius/TransPose, visualize.py.
COLOURS, OPACITY = "nipy_spectral", 0.79
_LEAST, _MOST, _ACROSS = 1.15, 2.4, 18.0  # inches of a picture across, and of all together
_GAP, _RIGHT, _BOTTOM = 0.05, 0.55, 0.15
_HEAD = 0.4  # above a row that has titles of its own
_SCALE = 2.0  # inches of the scale at most


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

    @property
    def tall(self) -> float:
        """Height of a picture by its width."""
        return self.under.shape[0] / self.under.shape[1]


def draw_grid(strips: Sequence[Strip], title: str, note: str, path: Path) -> None:
    """Write a PNG. Each picture has a scale of its own, from 0 to its highest value.

    Titles of tiles stand above the first row and above any whose titles are others than those of the row before.
    """
    columns, left = 1 + max(len(strip.tiles) for strip in strips), label_width([strip.label for strip in strips])
    side = min(max(_ACROSS / columns, _LEAST), _MOST)
    before = [[], *(strip.titles for strip in strips)]
    heads = [_GAP if strip.titles == last else _HEAD for strip, last in zip(strips, before, strict=False)]
    end = left + columns * (side + _GAP)
    height = TITLE + sum(heads) + sum(side * strip.tall for strip in strips) + _BOTTOM
    sheet, top = Sheet(end + _RIGHT, height, title, note), TITLE
    for strip, head in zip(strips, heads, strict=True):
        top += head
        sheet.picture(sheet.axes(left, top, side, side * strip.tall), strip.first, strip.label)
        for column, tile in enumerate(strip.tiles, 1):
            axes = sheet.axes(left + column * (side + _GAP), top, side, side * strip.tall)
            _draw(axes, strip.under, tile)
            if head > _GAP:
                axes.set_title(tile.title, fontsize=8, pad=3, parse_math=False)
        top += side * strip.tall
    _add_scale(sheet, end + 0.05, TITLE + _HEAD, min(_SCALE, height - TITLE - _HEAD - _BOTTOM))
    sheet.save(path)


def _draw(axes: Any, under: NDArray[np.uint8], tile: Tile) -> None:
    """One tile."""
    h, w = under.shape[:2]
    axes.imshow(under, interpolation="bilinear")
    most = float(tile.heat.max()) or 1.0
    axes.imshow(tile.heat, cmap=COLOURS, alpha=OPACITY, vmin=0, vmax=most, extent=(-0.5, w - 0.5, h - 0.5, -0.5))
    if not tile.heat.any():
        axes.text(w / 2, 0.98 * h, "nothing above\nthe threshold", fontsize=6.5, color="white", ha="center")
    if tile.box is not None:
        x0, y0, x1, y1 = tile.box
        axes.add_patch(Rectangle((x0, y0), x1 - x0, y1 - y0, fill=False, color="white", linewidth=1.5))
    if tile.star is not None:
        x, y = tile.star
        filled = {"c": "white", "edgecolors": "black"} if tile.sure else {"c": "none", "edgecolors": "white"}
        axes.scatter([x], [y], s=70, marker="*", linewidths=0.5 if tile.sure else 1.0, **filled)
    axes.set(xlim=(-0.5, w - 0.5), ylim=(h - 0.5, -0.5))


def _add_scale(sheet: Sheet, left: float, top: float, tall: float) -> None:
    """What the colours mean."""
    bar = sheet.figure.colorbar(ScalarMappable(cmap=COLOURS), cax=sheet.axes(left, top, 0.1, tall), ticks=[0, 1])
    bar.ax.set_yticklabels(["0", "most"], fontsize=7)
