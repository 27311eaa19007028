"""Comparison: action models side by side on a page."""

from collections.abc import Sequence

from posebeam.workflows.report import charts
from posebeam.workflows.report.classifier_run import ClassifierRun, recalls, unlike
from posebeam.workflows.report.classifier_table import CLASSIFIER_HEADER, classifier_cells
from posebeam.workflows.report.section import Block, Note, Section, Sheet, picture

_COLUMNS = 4  # runs that stand beside each other; more are lines


def side_by_side(runs: Sequence[ClassifierRun], machine: str) -> Section:
    """What was measured of each, by class, over epochs, and how far they can be believed."""
    notes = [Note("Clips are right where the mean of their windows' probabilities is largest for their class.")]
    if any(run.speed for run in runs):
        calls = min(run.speed.calls for run in runs if run.speed)
        notes.append(
            Note(f"Milliseconds at batch 1: the bare network, median of at least {calls} calls, on {machine}.")
        )
    if said := unlike(runs):
        notes.append(Note(f"{said[0].upper()}{said[1:]}.", warns=True))
    notes += [Note(f"{run.name} was not evaluated.", warns=True) for run in runs if run.best is None]
    blocks = [Block(table=_table(runs)), *_per_class(runs), *_trainings(runs), *_calibrations(runs)]
    return Section("Action models", blocks, notes)


def _table(runs: Sequence[ClassifierRun]) -> Sheet:
    """A column a run, so that nothing is cut; many runs are lines, which can be sorted."""
    lines = [CLASSIFIER_HEADER, *map(classifier_cells, runs)]
    if len(runs) > _COLUMNS:
        return Sheet(lines[0], lines[1:], (7, 8))
    upright = list(zip(*lines, strict=True))
    return Sheet(("", *upright[0][1:]), upright[1:])


def _trainings(runs: Sequence[ClassifierRun]) -> list[Block]:
    """What several runs logged of their validation, one chart a figure, one line a run."""
    keys = dict.fromkeys(key for run in runs for key in run.curves if key.startswith("val_"))
    shared = {key: {run.name: run.curves[key] for run in runs if key in run.curves} for key in keys}
    pictures = [
        picture(charts.curves(key, own), f"{key} of all runs") for key, own in shared.items() if len(own) > 1
    ]
    return [Block("Validation, epoch by epoch", pictures=pictures)] if pictures else []


def _per_class(runs: Sequence[ClassifierRun]) -> list[Block]:
    found, names = recalls(runs), [run.name for run in runs]
    if not found:
        return []
    rows = [(name, *("-" if share is None else f"{share:.0%}" for share in own)) for name, own in found.items()]
    figure = charts.bars("", found, names, percent=True)
    return [
        Block(
            "Accuracy per class",
            "Share of each class's clips that were recognised (recall).",
            Sheet(("class", *names), rows, range(1, len(names) + 1), by_class=True),
            [picture(figure, "accuracy per class")],
        )
    ]


def _calibrations(runs: Sequence[ClassifierRun]) -> list[Block]:
    pictures = []
    for what in ("clips", "windows"):
        found = {run.name: run.best["calibration"][what] for run in runs if run.best and "calibration" in run.best}
        if found:
            figure = charts.reliability(found)
            pictures.append(picture(figure, f"reliability of {what}", f"{what.capitalize()}"))
    text = (
        "Accuracy against confidence. On the diagonal a model is right as often as it says; above it, it is too "
        "modest, below too sure. The error is the mean distance (ECE)."
    )
    return [Block("How far confidence holds", text, pictures=pictures)] if pictures else []
