"""Console: live progress and summary tables in the terminal."""

import json
import os
import sys
from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from typing import Any

import click
from rich.console import Console
from rich.progress import (
    BarColumn,
    DownloadColumn,
    MofNCompleteColumn,
    Progress,
    TextColumn,
    TimeElapsedColumn,
    TimeRemainingColumn,
    TransferSpeedColumn,
)
from rich.table import Table
from rich.text import Text

from posebeam.pipelines.stores.address import spoken

LOG_WIDTH = 140  # a log has no width of its own, and a table cut to 80 columns is hard to read
_KNOWN_WIDTH = sys.stderr.isatty() or "COLUMNS" in os.environ
CONSOLE = Console(stderr=True, width=None if _KNOWN_WIDTH else LOG_WIDTH)  # stdout is for what --json prints


@contextmanager
def clip_progress(clips: int) -> Iterator[Any]:
    """A bar over clips with frames a second, rejects and time left; yields the function that takes counts."""
    columns = (
        TextColumn("{task.description}"), BarColumn(), MofNCompleteColumn(), TextColumn("clips"),
        TextColumn("{task.fields[rate]:.0f} frames/s"), TextColumn("{task.fields[rejected]} rejected"),
        TimeElapsedColumn(), TimeRemainingColumn(),
    )  # fmt: skip
    with Progress(*columns, console=CONSOLE, transient=not CONSOLE.is_terminal) as progress:
        task = progress.add_task("build", total=clips, rate=0.0, rejected=0)

        def show(counts: Counter[str]) -> None:
            elapsed = progress.tasks[0].elapsed or 0.0
            rate = counts["frames"] / elapsed if elapsed > 0 else 0.0
            progress.update(task, completed=counts["clips"], rate=rate, rejected=counts["rejected"])

        yield show


@contextmanager
def byte_progress(what: str) -> Iterator[Any]:
    """A bar over bytes, gone at the end; yields the function that takes those that are there, and all."""
    columns = (TextColumn("{task.description}"), BarColumn(), DownloadColumn(), TransferSpeedColumn())
    with Progress(*columns, console=CONSOLE, transient=True) as progress:
        task = progress.add_task(_plain(what).plain, total=None)
        yield lambda done, total: progress.update(task, completed=done, total=total)


# Names of files may hold what moves a terminal's cursor or sets its title: it is shown instead of sent.
_VISIBLE = {code: f"\\x{code:02x}" for code in (*range(32), *range(127, 160)) if code != ord("\n")}


def _plain(text: Any) -> Text:
    """What is printed as it is: no markup, no control characters; what lies in a store by its URI."""
    return Text(spoken(str(text)).translate(_VISIBLE))


def facts_table(title: str, facts: Mapping[str, Any]) -> Table:
    """A two-column table. Values are shown as they are: brackets are no markup."""
    table = Table(title=_plain(title), show_header=False, title_justify="left")
    for name, value in facts.items():
        table.add_row(_plain(name), _plain(value))
    return table


def rows_table(title: str, header: Sequence[str], rows: Sequence[Sequence[Any]]) -> Table:
    """A table with a header; columns of numbers stand right."""
    table = Table(title=_plain(title), title_justify="left")
    for index, name in enumerate(header):
        numbers = bool(rows) and all(isinstance(row[index], (int, float)) for row in rows)
        table.add_column(_plain(name), justify="right" if numbers else "left")
    for row in rows:
        table.add_row(*(_plain(value) for value in row))
    return table


def say(text: str) -> None:
    """A line for people, on stderr."""
    CONSOLE.print(_plain(text), highlight=False, soft_wrap=True)


def show(table: Table) -> None:
    """A table for people, on stderr."""
    CONSOLE.print(table)


def tell_facts(title: str, facts: Mapping[str, Any], as_json: bool) -> None:
    """Facts as a table for people, or as a line of JSON on stdout for programs."""
    if as_json:
        click.echo(json.dumps(facts))
    else:
        show(facts_table(title, facts))


def is_terminal() -> bool:
    """Whether a person looks on."""
    return sys.stderr.isatty()
