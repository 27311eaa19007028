"""posebeam backbones: the table of pose backbones, or one row."""

import dataclasses
import json
from typing import Any

import click


@click.command()
@click.argument("name", required=False)
@click.option("--json", "as_json", is_flag=True, help="Print as JSON.")
def command(name: str | None, as_json: bool) -> int:
    """Facts only: no network is built, no weights are loaded."""
    from posebeam.models.registry import row, rows
    from posebeam.workflows.console import facts_table, rows_table, show

    chosen = [row(name)] if name else list(rows())
    if as_json:
        click.echo(json.dumps([dataclasses.asdict(each) for each in chosen]))
    elif name:
        show(facts_table(name, dataclasses.asdict(chosen[0])))
    else:
        header = ("name", "skeleton", "input", "view", "parameters", "min score", "weights")
        show(rows_table("backbones", header, [_line(each) for each in chosen]))
    return 0


def _line(each: Any) -> tuple[Any, ...]:
    size = f"{each.input[0]} x {each.input[1]}"
    weights = "none published" if each.weights is None else ("embedded" if each.weights.file else "download")
    return each.name, each.skeleton, size, each.view, each.parameters, each.min_score, weights
