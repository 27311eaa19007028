"""posebeam report: runs side by side, and what is in a data set."""

import json
from pathlib import Path

import click

from posebeam.workflows.argument import DataSet, Local, Subject
from posebeam.workflows.help import OUTPUT, HelpPage

SECTIONS = {
    OUTPUT: {
        "terminal": "tables; with --json all figures on stdout",
        "--html FILE": "one self-contained page: charts, windows that play, tables that sort and filter",
    },
}
EXAMPLES = (
    ("posebeam report out/data --html data.html", "what is in a data set"),
    ("posebeam report runs/micro runs/small --html report.html", "two action models side by side"),
    ("posebeam report runs/pose transpose-r-a4", "a pose run beside what was published"),
)


@click.command(cls=HelpPage, sections=SECTIONS, examples=EXAMPLES)
@click.argument("what", nargs=-1, required=True, type=Subject(), metavar="RUN|OUT|BACKBONE...")
@click.option("--html", type=Local(dir_okay=False, path_type=Path), help="Write one self-contained page.")
@click.option(
    "--data",
    multiple=True,
    type=DataSet(),
    help="Data set from which mistakes are drawn; by default the one that was evaluated. Repeatable.",
)
@click.option("--speed/--no-speed", default=True, show_default=True, help="Measure speed now, on one thread.")
@click.option("--json", "as_json", is_flag=True, help="Print all figures as JSON.")
def command(what: tuple[str, ...], html: Path | None, data: tuple[Path, ...], speed: bool, as_json: bool) -> int:
    """RUN is a folder of train, train-pose or pretrain, BACKBONE a name of posebeam backbones, OUT a data set.

    Action models stand side by side with what posebeam evaluate found: accuracy of clips, of windows, of each
    class; parameters, time at batch 1. Pose runs and backbones with AP and AR, beside what was published.
    Pre-trainings with loss and teacher, beside what a collapse would show. Data sets with what is in them, what
    was rejected or not seen, and clips that are nearly alike across splits.
    """
    from posebeam.workflows.console import say, show
    from posebeam.workflows.report.subject import read_subjects
    from posebeam.workflows.report.terminal import notes, tables

    subjects = read_subjects(what, measure=speed)
    if as_json:
        click.echo(json.dumps(subjects.as_dict()))
    else:
        for table in tables(subjects):
            show(table)
        for note in notes(subjects):
            say(note)
    if html:
        from posebeam.workflows.report.page import write_page

        size = write_page(subjects, html, data)
        say(f"{html}: {size / 1e6:.2f} MB")
    return 0
