"""ClassifierPage: action models on a page: side by side, then each with its curves, confusions and mistakes."""

from collections.abc import Mapping, Sequence
from hashlib import sha256
from pathlib import Path
from typing import Any

from posebeam.pipelines.manifest import FILE
from posebeam.workflows.report import charts
from posebeam.workflows.report.classifier_run import ClassifierRun, part_of, recalls, unlike
from posebeam.workflows.report.classifier_table import CLASSIFIER_HEADER, classifier_cells
from posebeam.workflows.report.examples import Place, strips
from posebeam.workflows.report.section import Block, Note, Picture, Section, Sheet, picture

_MISTAKES = 12  # strips a run
# What of a training's logs shares a chart, by the last word of its name.
_FAMILIES = {
    "loss": ("loss",),
    "accuracy": ("accuracy",),
    "AP and AR": ("ap", "ap50", "ap75", "ar"),
    "rate": ("rate",),
}


def classifier_sections(runs: Sequence[ClassifierRun], sources: Sequence[Path], machine: str) -> list[Section]:
    """Side by side, then a section a run; sources are data sets from which mistakes may be drawn."""
    if not runs:
        return []
    return [_side_by_side(runs, machine), *(_one(run, sources) for run in runs)]


def _side_by_side(runs: Sequence[ClassifierRun], machine: str) -> Section:
    notes = [Note("Clips are right where the mean of their windows' probabilities is largest for their class.")]
    if any(run.speed for run in runs):
        calls = min(run.speed.calls for run in runs if run.speed)
        notes.append(
            Note(f"Milliseconds at batch 1: the bare network, median of at least {calls} calls, on {machine}.")
        )
    if said := unlike(runs):
        notes.append(Note(f"{said[0].upper()}{said[1:]}.", warns=True))
    notes += [Note(f"{run.name} was not evaluated.", warns=True) for run in runs if run.best is None]
    table = Sheet(CLASSIFIER_HEADER, [classifier_cells(run) for run in runs], (6, 7))
    return Section("Action models", [Block(table=table), *_per_class(runs), *_calibrations(runs)], notes)


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
            Sheet(("class", *names), rows, range(1, len(names) + 1)),
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


def _one(run: ClassifierRun, sources: Sequence[Path]) -> Section:
    blocks = [*_curves(run), *(_evaluation(run, found) for found in run.evaluations)]
    if run.best and (block := _mistakes(run, run.best, sources)):
        blocks.append(block)
    facts = {
        name: value for name, value in run.facts().items() if value is not None and not isinstance(value, Mapping)
    }
    blocks.append(Block("All facts", table=Sheet(("", ""), list(facts.items())), fold=True))
    return Section(run.name, blocks)


def _curves(run: ClassifierRun) -> list[Block]:
    return curve_blocks(run.name, run.curves)


def curve_blocks(name: str, curves: Mapping[str, Any]) -> list[Block]:
    """What a training logged: one chart for each kind of figure."""
    family_of = {word: family for family, words in _FAMILIES.items() for word in words}
    families: dict[str, dict[str, Any]] = {}
    for key, curve in curves.items():
        families.setdefault(family_of.get(key.split("_")[-1], key), {})[key] = curve
    pictures = [picture(charts.curves(title, own), f"{name}: {title} by epoch") for title, own in families.items()]
    return [Block("Training", pictures=pictures)] if pictures else []


def _evaluation(run: ClassifierRun, found: Mapping[str, Any]) -> Block:
    title = f"Measured on {part_of(found['part'], found['split'])}, {found['backbone']}"
    told = f"{found['clip_accuracy']:.1%} of {found['clips']} clips, {found['window_accuracy']:.1%} of windows"
    silent = _silent(found)
    figure = charts.confusion(found["confusion"], found["classes"], silent)
    size = figure.get_size_inches()
    rows = [
        (
            row["class"], row["clips"], *(_percent(row[name]) for name in ("recall", "precision")),
            " to ".join(map(_percent, row["recall_interval"])),
        )
        for row in found["per_class"]
    ]  # fmt: skip
    return Block(
        f"{title}: {told}",
        "Rows are the truth, columns what was said; blue is right, orange wrong, figures are clips.",
        Sheet(("class", "clips", "recall", "precision", "95 % of recall"), rows, (1, 2, 3)),
        [picture(figure, f"{run.name}: confusions, {title}", wide=bool(size[0] > 6))],
        fold=True,
        open=found is run.best,
    )


def _silent(found: Mapping[str, Any]) -> list[int]:
    """Clips without a window, by class: those of a class that stand in no cell."""
    held = dict(zip(found["classes"], map(sum, found["confusion"]), strict=True))
    return [row["clips"] - held[row["class"]] for row in found["per_class"]]


def _mistakes(run: ClassifierRun, found: Mapping[str, Any], sources: Sequence[Path]) -> Block | None:
    told = found.get("mistakes", [])[:_MISTAKES]
    if not told:
        return None
    places = [Place(each["clip_id"], each["person"], each["start"]) for each in told]
    out = _source(found, sources)
    films = strips(out, places) if out else [None] * len(told)
    header = ("clip", "truth", "said", "sure", "of the truth", "windows")
    rows = [
        (
            each["clip_id"], each["truth"], each["said"], f"{each['probability']:.0%}",
            f"{each['probability_of_truth']:.0%}", each["windows"],
        )
        for each in told
    ]  # fmt: skip
    pictures: list[Picture] = [
        picture(figure, f"{run.name}: mistake {number}, {each['clip_id']}", caption(each), wide=True)
        for number, (each, figure) in enumerate(zip(told, films, strict=True), 1)
        if figure
    ]
    text = (
        "The window of each clip that speaks loudest for the wrong class; the person's left is blue, the right "
        "orange, below are the frames' numbers."
        if pictures
        else "No data set was found to draw them from: name it with --data OUT."
    )
    return Block(
        "Mistakes it was surest of", text, None if pictures else Sheet(header, rows), pictures, strips=True
    )


def caption(mistake: Mapping[str, Any]) -> str:
    """A mistake in a sentence."""
    return (
        f"{mistake['truth']}, said {mistake['said']} with {mistake['probability']:.0%} "
        f"(truth {mistake['probability_of_truth']:.0%}): {mistake['clip_id']}"
    )


def _source(found: Mapping[str, Any], sources: Sequence[Path]) -> Path | None:
    """The data set that an evaluation read: the one with its manifest, wherever it is now."""
    for out in (*sources, *([Path(found["out"])] if "out" in found else [])):
        manifest = out / FILE
        if manifest.is_file() and sha256(manifest.read_bytes()).hexdigest() == found["manifest_sha256"]:
            return out
    return None


def _percent(share: float | None) -> str:
    return "-" if share is None else f"{share:.0%}"
