"""posebeam backbones: the table of pose backbones and detectors, or one row."""

import dataclasses
import json
from typing import TYPE_CHECKING

import click

from posebeam.workflows.help import OUTPUT, HelpPage

if TYPE_CHECKING:
    from posebeam.models.row import Published, Row, Weights

HEADER = ("name", "parameters", "GMAC", "input", "published AP", "images/s", "weights")
WIDE = 110  # columns of a terminal that shows all of it


SECTIONS = {
    OUTPUT: {
        "terminal": "the table, or one row's facts; with --json or --markdown on stdout",
    },
}
EXAMPLES = (
    ("posebeam backbones", "the table"),
    ("posebeam backbones transpose-r-a4", "all that is known of one: paper, weights, licence, published figures"),
    ("posebeam backbones --json", "for a program"),
)


@click.command(cls=HelpPage, sections=SECTIONS, examples=EXAMPLES)
@click.argument("name", required=False)
@click.option("--json", "as_json", is_flag=True, help="Print as JSON.")
@click.option("--markdown", is_flag=True, help="Print the table as Markdown, as README has it.")
def command(name: str | None, as_json: bool, markdown: bool) -> int:
    """Facts only: no network is built, no weights are loaded. NAME may be a run folder of posebeam train-pose.

    GMAC are counted, for one picture of that input. AP is the published one, with boxes that were detected or
    annotated (gt): the two cannot be compared. Images a second are as published, too.
    """
    from posebeam.models.registry import row, rows

    chosen = [row(name)] if name else list(rows())
    if as_json:
        click.echo(json.dumps([dataclasses.asdict(each) for each in chosen]))
    elif markdown:
        click.echo("\n".join(_markdown(chosen)))
    elif name:
        _show_facts(chosen[0])
    else:
        _show_table(chosen)
    return 0


def cells(row: "Row") -> tuple[str, ...]:
    """A row of the table, under HEADER."""
    return (
        row.name,
        f"{row.parameters:,}",
        f"{row.macs / 1e9:.2f}",
        f"{row.input[0]} x {row.input[1]}",
        _precision(row),
        ", ".join(f"{each.fps:g} ({each.device})" for each in row.published if each.fps),
        _weights(row),
    )


def _precision(row: "Row") -> str:
    """72.6 det; 75.1 gt: each with its kind of boxes, and with what training began from where that was varied."""
    kinds = {"ground truth": "gt", "detector": "det", "none": "of boxes" if row.view == "detector" else ""}
    figures = ((f"{each.ap:.1f}", kinds[each.boxes], each.init) for each in row.published)
    return "; ".join(" ".join(filter(None, figure)) for figure in figures)


def _weights(row: "Row") -> str:
    if row.weights is None:
        return "none published"
    if row.weights.run:
        return f"{row.weights.file} of the run"
    how = "embedded" if row.weights.embedded else "by hand" if row.weights.page else "download"
    return f"{how}, {row.weights.licence}"


def _markdown(rows: "list[Row]") -> list[str]:
    ruler = ("---", "--:", "--:", "---", "---", "---", "---")
    lines = [HEADER, ruler, *((f"`{first}`", *others) for first, *others in map(cells, rows))]
    return [f"| {' | '.join(line)} |" for line in lines]


def _show_table(rows: "list[Row]") -> None:
    """All columns in a wide terminal, without speed and licence in a narrow one."""
    from posebeam.workflows.console import CONSOLE, rows_table, show

    lines = [HEADER, *map(cells, rows)]
    if CONSOLE.is_terminal and CONSOLE.width < WIDE:
        lines = [(*line[:5], line[6].split(",")[0]) for line in lines]
    show(rows_table("backbones", lines[0], lines[1:]))


def _show_facts(row: "Row") -> None:
    from posebeam.workflows.console import facts_table, show

    facts = {name: value for name, value in dataclasses.asdict(row).items() if value not in (None, "", (), {})}
    records = (("weights", (row.weights,) if row.weights else ()), ("published", row.published))
    facts |= {name: "\n".join(map(_record, found)) for name, found in records if found}
    show(facts_table(row.name, facts))


def _record(record: "Published | Weights") -> str:
    """A record's facts in a line."""
    return ", ".join(
        f"{name} {value}" for name, value in dataclasses.asdict(record).items() if value not in (None, "")
    )
