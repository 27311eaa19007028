"""Section: what a page is made of: notes, tables and pictures, in blocks under a heading."""

from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Any

from markupsafe import Markup
from matplotlib.figure import Figure

from posebeam.workflows.report.svg import as_svg


@dataclass(frozen=True)
class Note:
    """A sentence; one that warns stands out."""

    text: str
    warns: bool = False


@dataclass(frozen=True)
class Sheet:
    """A table; numbers are the columns that stand right."""

    header: Sequence[str]
    rows: Sequence[Sequence[Any]]
    numbers: Sequence[int] = ()


@dataclass(frozen=True)
class Picture:
    """A figure with the sentence above it."""

    svg: Markup
    caption: str = ""
    wide: bool = False


@dataclass(frozen=True)
class Block:
    """A heading with text, a table and pictures, any of which may be absent; one that folds opens by a click."""

    title: str = ""
    text: str = ""
    table: Sheet | None = None
    pictures: Sequence[Picture] = ()
    strips: bool = False
    fold: bool = False
    open: bool = False


@dataclass(frozen=True)
class Section:
    """A part of the page."""

    title: str
    blocks: Sequence[Block] = ()
    notes: Sequence[Note] = field(default=())


def picture(figure: Figure, name: str, caption: str = "", wide: bool = False) -> Picture:
    """A figure as it stands in a page; name says what it shows, and is given once a page."""
    return Picture(Markup(as_svg(figure, name)), caption, wide)  # noqa: S704  matplotlib escapes its text
