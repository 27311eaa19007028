"""ClassifierPage: action models on a page: side by side, then each with its curves, confusions and mistakes."""

from collections.abc import Mapping, Sequence
from hashlib import sha256
from pathlib import Path
from typing import Any

from posebeam.pipelines.manifest import FILE
from posebeam.pipelines.stores.address import located
from posebeam.workflows.argument import brought
from posebeam.workflows.report import charts
from posebeam.workflows.report.attention import Looker, looker
from posebeam.workflows.report.classifier_run import ClassifierRun, part_of, taken_for
from posebeam.workflows.report.comparison import side_by_side
from posebeam.workflows.report.gaze import gaze_block
from posebeam.workflows.report.mistakes import mistakes_block
from posebeam.workflows.report.section import Block, Section, Sheet, Tile, picture

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
    return [side_by_side(runs, machine), *(_one(run, sources) for run in runs)]


def _one(run: ClassifierRun, sources: Sequence[Path]) -> Section:
    blocks = [*_curves(run), *(_evaluation(run, found) for found in run.evaluations)]
    if found := run.best:
        source = _source(found, sources)
        looks = _looker(run, source)
        if told := found.get("mistakes"):
            blocks.append(mistakes_block(run.name, told, source, looks if run.of_windows else None))
        if looks and (block := gaze_block(run.name, found["part"], looks)):
            blocks.append(block)
    facts = {
        name: value for name, value in run.facts().items() if value is not None and not isinstance(value, Mapping)
    }
    blocks.append(Block("All facts", table=Sheet(("", ""), list(facts.items())), fold=True))
    return Section(run.name, blocks, tiles=_tiles(run))


def _looker(run: ClassifierRun, source: Path | None) -> Looker | None:
    """The model over the data set that it was measured on."""
    return looker(run.folder, source) if source and run.record["state"] == "finished" else None


def _tiles(run: ClassifierRun) -> list[Tile]:
    told = []
    if found := run.best:
        where = part_of(found["part"], found["split"])
        told += [
            Tile(f"{found['clip_accuracy']:.1%}", f"of {found['clips']:,} clips right, {where}"),
            Tile(f"{found['balanced_accuracy']:.1%}", "balanced over classes"),
        ]
        if run.of_windows:
            told.append(Tile(f"{found['window_accuracy']:.1%}", f"of {found['windows']:,} windows"))
        if "calibration" in found:
            told.append(Tile(f"{found['calibration']['clips']['error']:.3f}", "calibration error of clips"))
    told.append(Tile(f"{run.record['parameters']:,}", f"parameters, {run.record['model']}"))
    if run.speed:
        told.append(Tile(f"{run.speed.milliseconds:.2f} ms", "at batch 1"))
    return told


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
            " to ".join(map(_percent, row["recall_interval"])), taken_for(found, row["class"]),
        )
        for row in found["per_class"]
    ]  # fmt: skip
    return Block(
        f"{title}: {told}",
        "Rows are the truth, columns what was said; blue is right, orange wrong, figures are clips.",
        Sheet(
            ("class", "clips", "recall", "precision", "95 % of recall", "else taken for"),
            rows,
            (1, 2, 3),
            by_class=True,
        ),
        [picture(figure, f"{run.name}: confusions, {title}", wide=bool(size[0] > 6))],
        fold=True,
        open=found is run.best,
    )


def _silent(found: Mapping[str, Any]) -> list[int]:
    """Clips without a window, by class: those of a class that stand in no cell."""
    held = dict(zip(found["classes"], map(sum, found["confusion"]), strict=True))
    return [row["clips"] - held[row["class"]] for row in found["per_class"]]


def _source(found: Mapping[str, Any], sources: Sequence[Path]) -> Path | None:
    """The data set that an evaluation read: the one with its manifest, wherever it is now."""
    for out in (*sources, *([located(found["out"])] if "out" in found else [])):
        manifest = out / FILE
        if manifest.is_file() and sha256(manifest.read_bytes()).hexdigest() == found["manifest_sha256"]:
            return brought(out)
    return None


def _percent(share: float | None) -> str:
    return "-" if share is None else f"{share:.0%}"
