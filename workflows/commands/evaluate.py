"""posebeam evaluate: a trained model measured on a data set."""

import json
from pathlib import Path
from typing import Any

import click

from posebeam.workflows.argument import DataSet, Local
from posebeam.workflows.help import OUTPUT, HelpPage

PARTS = ("train", "validation", "test")


SECTIONS = {
    OUTPUT: {
        "RUN/evaluation": "the figures as JSON, the confusion matrix as PNG",
        "terminal": "a table of classes and the accuracies; with --json on stdout",
    },
}
EXAMPLES = (
    ("posebeam evaluate out/model out/data", "on the test part"),
    ("posebeam evaluate out/model out/data --part validation --json", "another part, for a program"),
    ("posebeam evaluate out/model out/data-thunder", "on poses of another backbone"),
)


@click.command(cls=HelpPage, sections=SECTIONS, examples=EXAMPLES)
@click.argument("run", type=Local(exists=True, file_okay=False, path_type=Path))
@click.argument("out", type=DataSet("windows", "clips", "features"))
@click.option("--part", type=click.Choice(PARTS), default="test", show_default=True, help="Which clips.")
@click.option("--device", default="auto", show_default=True, help="Where the model runs: auto, cpu, cuda.")
@click.option("--json", "as_json", is_flag=True, help="Print the figures as JSON.")
def command(run: Path, out: Path, part: str, device: str, as_json: bool) -> int:
    """Measures RUN on a part of OUT, which may be of another backbone if chain and layout agree.

    A clip without a window, in which nobody was seen or which was rejected, counts as wrong.
    """
    from posebeam.workflows.action.evaluation import evaluate, write_evaluation
    from posebeam.workflows.action.trained import Trained
    from posebeam.workflows.console import say

    trained = Trained.load(run, device)
    result, scores = evaluate(trained, trained.kind.read(out), part)
    if switch := result["backbone_switch"]:
        say(f"backbone switched: trained on poses of {switch['trained']}, evaluated on {switch['evaluated']}")
    if as_json:
        click.echo(json.dumps(result))
    else:
        _show(result)
    name = write_evaluation(trained, result, scores)  # last: RUN may be one that its user may only read
    say(f"{run / name}.json and .png")
    return 0


def _show(result: dict[str, Any]) -> None:
    from posebeam.workflows.console import facts_table, rows_table, show

    low, high = result["clip_accuracy_interval"]
    facts = {
        "clips": f"{result['clip_accuracy']:.1%} of {result['clips']} right (95 %: {low:.1%} to {high:.1%})",
        **_without_window(result),
        "balanced": f"{result['balanced_accuracy']:.1%}, the mean over classes",
        **_by_window(result),
    }
    header = ("class", "clips", "recall", "95 %", "precision")
    rows = [
        (
            row["class"], row["clips"], _percent(row["recall"]),
            " to ".join(_percent(end) for end in row["recall_interval"]), _percent(row["precision"]),
        )
        for row in result["per_class"]
    ]  # fmt: skip
    show(rows_table("per class", header, rows))
    show(facts_table(f"{result['model']} on {result['part']}", facts))


def _by_window(result: dict[str, Any]) -> dict[str, str]:
    """What was looked at, and how single windows fared; the hybrid classifier sees a clip as a whole."""
    if result["model"] == "hybrid":
        return {"features": result["backbone"]}
    return {
        "windows": f"{result['window_accuracy']:.1%} of {result['windows']:,}",
        "backbone": result["backbone"],
    }


def _without_window(result: dict[str, Any]) -> dict[str, str]:
    """What became of clips without a window, where that is anything to tell."""
    silent = result["clips_without_window"]
    if silent is None:
        return {"without a window": "not known and not counted: the data set was built before it listed all clips"}
    answered = result["clips"] - silent
    right = f"{result['clip_accuracy_with_windows']:.1%} of the other {answered} right"
    return {"without a window": f"{silent} clips, counted as wrong; {right}"} if silent else {}


def _percent(share: float | None) -> str:
    return "-" if share is None else f"{share:.0%}"
