"""Terminal: a report in short, as tables."""

from collections.abc import Iterator, Sequence

from rich.table import Table

from posebeam.workflows.console import rows_table
from posebeam.workflows.report.classifier_run import ClassifierRun, recalls, taken_for, unlike
from posebeam.workflows.report.classifier_table import CLASSIFIER_HEADER, classifier_cells
from posebeam.workflows.report.pose_table import POSE_HEADER, pose_cells
from posebeam.workflows.report.subject import Subjects
from posebeam.workflows.report.terminal_data import bar, data_tables, percent
from posebeam.workflows.report.trunk_run import TRUNK_HEADER, TRUNK_NOTE

_COLUMNS = 6  # runs that stand beside each other in a terminal
_MISTAKES = 5  # clips a run


def tables(subjects: Subjects) -> Iterator[Table]:
    """The tables of all that was asked for."""
    if runs := subjects.classifiers:
        yield _side_by_side(runs)
        yield from _per_class(runs)
        yield from _mistakes(runs)
    if subjects.poses:
        yield rows_table(
            "pose backbones", POSE_HEADER, [line for run in subjects.poses for line in pose_cells(run)]
        )
    if subjects.trunks:
        lines = [TRUNK_HEADER, *(run.cells() for run in subjects.trunks)]
        yield rows_table("pre-trained trunks", *_upright(lines))
    for data in subjects.data:
        yield from data_tables(data)


def _side_by_side(runs: Sequence[ClassifierRun]) -> Table:
    """Action models with their figures."""
    return rows_table("action models", *_upright([CLASSIFIER_HEADER, *map(classifier_cells, runs)]))


def _per_class(runs: Sequence[ClassifierRun]) -> Iterator[Table]:
    """What is recognised of each class; of one run with what it is taken for."""
    found = recalls(runs)
    header: tuple[str, ...] = ("class", *(run.name for run in runs))
    rows: list[tuple[str, ...]] = [(name, *map(percent, shares)) for name, shares in found.items()]
    if len(runs) == 1 and (best := runs[0].best):
        header = ("class", "recall", "", "else taken for")
        rows = [(name, percent(own), bar(own or 0.0), taken_for(best, name)) for name, (own,) in found.items()]
    if rows:
        yield rows_table("recall per class", header, rows)


def _mistakes(runs: Sequence[ClassifierRun]) -> Iterator[Table]:
    """The clips of which each was surest, and wrong."""
    for run in runs:
        told = (run.best or {}).get("mistakes", [])[:_MISTAKES]
        rows = [(m["clip_id"], m["truth"], m["said"], f"{m['probability']:.0%}") for m in told]
        if rows:
            yield rows_table(f"{run.name}: mistakes it was surest of", ("clip", "truth", "said", "sure"), rows)


def _upright(lines: list[tuple[str, ...]]) -> tuple[tuple[str, ...], list[tuple[str, ...]]]:
    """Header and lines of a table; of few runs with a column a run, so that nothing is cut."""
    if len(lines) <= _COLUMNS + 1:
        lines = list(zip(*lines, strict=True))
    return lines[0], lines[1:]


def notes(subjects: Subjects) -> list[str]:
    """What must be known to read the tables."""
    found = []
    if subjects.timed:
        found.append(f"speed: the bare network at batch 1, median of many calls, on {subjects.machine}")
    if said := unlike(subjects.classifiers):
        found.append(said)
    found += [
        f"{run.name} was not evaluated: posebeam evaluate {run.folder} OUT"
        for run in subjects.classifiers
        if run.best is None
    ]
    if subjects.trunks:
        found.append(TRUNK_NOTE)
    found += [f"warning: {run.name} has collapsed: {run.collapsed}" for run in subjects.trunks if run.collapsed]
    if len({boxes for run in subjects.poses for boxes in run.boxes}) > 1:
        found.append("AP in annotated (ground truth) and in detected boxes cannot be compared")
    return found
