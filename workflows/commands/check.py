"""posebeam check: whether a data set is what it says it is."""

import json
from pathlib import Path

import click

from posebeam.workflows.argument import DataSet
from posebeam.workflows.help import OUTPUT, HelpPage

SECTIONS = {
    OUTPUT: {
        "terminal": "the findings; with --json on stdout",
    },
}
EXAMPLES = (
    ("posebeam check out/data", "0 if all is well, 1 if anything is wrong"),
    ("posebeam check out/data --json > findings.json", "for a program"),
)


@click.command(cls=HelpPage, sections=SECTIONS, examples=EXAMPLES)
@click.argument("out", type=DataSet())
@click.option("--json", "as_json", is_flag=True, help="Print the findings as JSON.")
def command(out: Path, as_json: bool) -> int:
    """Verifies the sha256 of every file, schemas, footers, row counts, receipts, labels, and that no group
    stands on both sides of a split. Exit code 1 if anything is wrong.
    """
    from posebeam.pipelines.check import check
    from posebeam.pipelines.stores.address import address
    from posebeam.workflows.console import say

    findings = check(out)
    if as_json:
        click.echo(json.dumps({"out": address(out), "findings": findings}))
    else:
        for finding in findings:
            say(f"- {finding}")
        say(f"{out}: {len(findings)} findings" if findings else f"{out}: all is well")
    return 1 if findings else 0
