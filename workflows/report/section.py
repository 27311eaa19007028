"""Section: what a page is made of: tiles, notes, tables and pictures, in blocks under a heading."""

from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Any

from markupsafe import Markup
from matplotlib.figure import Figure

from posebeam.workflows.report.player import Player
from posebeam.workflows.report.svg import as_svg


@dataclass(frozen=True)
class Tile:
    """A figure to be seen first, with what it is of."""

    figure: str
    what: str


@dataclass(frozen=True)
class Note:
    """A sentence; one that warns stands out."""

    text: str
    warns: bool = False


@dataclass(frozen=True)
class Sheet:
    """A table; numbers are the columns that stand right. by_class: its rows begin with a class, and are filtered.

    One whose first column has no name is a list of facts; all others are sorted by a click.
    """

    header: Sequence[str]
    rows: Sequence[Sequence[Any]]
    numbers: Sequence[int] = ()
    by_class: bool = False

    @property
    def sorts(self) -> bool:
        """Whether there is something to sort."""
        return len(self.rows) > 1 and bool(self.header[0])


@dataclass(frozen=True)
class Picture:
    """A figure with the sentence above it; classes are those that it shows, player what moves beside it."""

    svg: Markup
    caption: str = ""
    wide: bool = False
    classes: Sequence[str] = ()
    player: Player | None = None


@dataclass(frozen=True)
class Block:
    """A heading with text, a table and pictures, any of which may be absent; one that folds opens by a click.

    strips: pictures stand below each other; small: many stand beside each other.
    """

    title: str = ""
    text: str = ""
    table: Sheet | None = None
    pictures: Sequence[Picture] = ()
    strips: bool = False
    small: bool = False
    fold: bool = False
    open: bool = False


@dataclass(frozen=True)
class Section:
    """A part of the page."""

    title: str
    blocks: Sequence[Block] = ()
    notes: Sequence[Note] = field(default=())
    tiles: Sequence[Tile] = field(default=())

    @property
    def classes(self) -> list[str]:
        """Those that something of it can be filtered by, in the order in which they come."""
        tables = [block.table for block in self.blocks if block.table and block.table.by_class]
        of_rows = [row[0] for table in tables for row in table.rows]
        shown = [name for block in self.blocks for each in block.pictures for name in each.classes]
        return list(dict.fromkeys((*of_rows, *shown)))


def picture(
    figure: Figure,
    name: str,
    caption: str = "",
    wide: bool = False,
    classes: Sequence[str] = (),
    player: Player | None = None,
) -> Picture:
    """A figure as it stands in a page; name says what it shows, and is given once a page."""
    svg = Markup(as_svg(figure, name))  # noqa: S704  matplotlib escapes its text
    return Picture(svg, caption, wide, classes, player)
