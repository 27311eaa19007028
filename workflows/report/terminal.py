"""Terminal: a report in short, as tables."""

from collections.abc import Iterator, Sequence

from rich.table import Table

from posebeam.workflows.console import facts_table, rows_table
from posebeam.workflows.report.classifier_run import ClassifierRun, recalls, unlike
from posebeam.workflows.report.classifier_table import CLASSIFIER_HEADER, classifier_cells
from posebeam.workflows.report.data_set import DataFigures
from posebeam.workflows.report.pose_table import POSE_HEADER, pose_cells
from posebeam.workflows.report.subject import Subjects
from posebeam.workflows.report.trunk_run import TRUNK_HEADER, TRUNK_NOTE

_WIDE = 24  # letters of a bar
_COLUMNS = 6  # runs that stand beside each other in a terminal


def tables(subjects: Subjects) -> Iterator[Table]:
    """The tables of all that was asked for."""
    if runs := subjects.classifiers:
        yield _side_by_side(runs)
        names = [run.name for run in runs]
        rows = [(name, *map(percent, shares)) for name, shares in recalls(runs).items()]
        if rows:
            yield rows_table("recall per class", ("class", *names), rows)
    if subjects.poses:
        yield rows_table(
            "pose backbones", POSE_HEADER, [line for run in subjects.poses for line in pose_cells(run)]
        )
    if subjects.trunks:
        lines = [TRUNK_HEADER, *(run.cells() for run in subjects.trunks)]
        yield rows_table("pre-trained trunks", *_upright(lines))
    for data in subjects.data:
        yield from _of_data(data)


def _side_by_side(runs: Sequence[ClassifierRun]) -> Table:
    """Action models with their figures."""
    return rows_table("action models", *_upright([CLASSIFIER_HEADER, *map(classifier_cells, runs)]))


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


def _of_data(data: DataFigures) -> Iterator[Table]:
    clips, config = data.manifest["clips"], data.manifest["config"]
    facts = {name: config.get(name) for name in ("kind", "backbone", "chain", "layout", "window", "stride", "fps")}
    yield facts_table(
        data.name,
        {
            **facts,
            **clips,
            "rejects": "\n".join(f"{each.clips} x {each.stage}: {each.reason}" for each in data.rejects),
        },
    )
    totals = {name: sum(data.clips.get((name, part), 0) for part in data.parts) for name in data.classes}
    rows = [
        (
            name,
            *(data.clips.get((name, part), 0) for part in data.parts),
            *(data.windows.get((name, part), 0) for part in data.parts),
            "█" * round(_WIDE * totals[name] / max(1, *totals.values())),
        )
        for name in data.classes
    ]
    header = ("class", *(f"{part} clips" for part in data.parts), *(f"{part} windows" for part in data.parts), "")
    yield rows_table("clips and windows", header, rows)
    if data.missing:
        yield rows_table(
            "joints not seen, of all frames",
            ("joint", "least", "mean", "most"),
            [
                (joint, *map(percent, _spread([own[at] for own in data.missing.values()])))
                for at, joint in enumerate(data.joints)
            ],
        )


def _spread(shares: list[float]) -> tuple[float, float, float]:
    return min(shares), sum(shares) / len(shares), max(shares)


def percent(share: float | None) -> str:
    """A share in percent, a dash for none."""
    return "-" if share is None else f"{share:.1%}"
