"""posebeam doctor: whether this installation can do its work."""

import json
from dataclasses import asdict

import click

from posebeam.workflows.help import OUTPUT, HelpPage

SECTIONS = {
    OUTPUT: {
        "terminal": "a table, and what to do about what is broken; with --json on stdout",
    },
}
EXAMPLES = (
    ("posebeam doctor", "one screen; exit code 1 if something is broken"),
    ("posebeam doctor --json > doctor.json", "for a bug report"),
)


@click.command(cls=HelpPage, sections=SECTIONS, examples=EXAMPLES)
@click.option("--json", "as_json", is_flag=True, help="Print the findings as JSON.")
def command(as_json: bool) -> int:
    """Looks at versions, devices, decoders, the weights in the package (by sha256), places on disk, and engines
    that are optional. Nothing is fetched.
    """
    from posebeam.workflows.console import rows_table, say, show
    from posebeam.workflows.doctor import examine
    from posebeam.workflows.finding import ABSENT, BROKEN

    findings = examine()
    broken = [finding for finding in findings if finding.state == BROKEN]
    if as_json:
        click.echo(json.dumps({"well": not broken, "findings": [asdict(finding) for finding in findings]}))
        return int(bool(broken))
    marks = {BROKEN: "broken", ABSENT: "-"}
    rows = [(marks.get(finding.state, "ok"), finding.what, finding.found) for finding in findings]
    show(rows_table("posebeam doctor", ("", "what", "found"), rows))
    for finding in findings:
        if finding.advice:
            say(f"{finding.what}: {finding.advice}")
    say(f"{len(broken)} broken" if broken else "all is well")
    return int(bool(broken))
