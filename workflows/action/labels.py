"""Labels: what is said of a video, for people and for programs."""

import json
from typing import Any

import click

from posebeam.pipelines.stores.address import address
from posebeam.workflows.action.prediction import Prediction
from posebeam.workflows.action.trained import Trained
from posebeam.workflows.console import rows_table, say, show


def best(probabilities: Any, classes: tuple[str, ...]) -> tuple[str, float]:
    """The likeliest label and its probability."""
    return classes[int(probabilities.argmax())], round(float(probabilities.max()), 3)


def facts(prediction: Prediction, trained: Trained, backbone: str) -> dict[str, Any]:
    """A video's labels, over time and on the whole, as --json prints them."""
    found: dict[str, Any] = {
        "video": address(prediction.video), "backbone": backbone, "trained_on": trained.made.source,
        "label": None, "probability": None, "probabilities": {}, "windows": [], "warnings": [], "error": None,
    }  # fmt: skip
    if prediction.error is not None:
        return found | {"error": str(prediction.error)}
    if prediction.report is not None:
        found["warnings"] = list(prediction.report.warnings)
    if prediction.starts:
        label, probability = best(prediction.overall, trained.classes)
        named = zip(trained.classes, prediction.overall.tolist(), strict=True)
        found |= {"label": label, "probability": probability, "probabilities": dict(named)}
        found["windows"] = [
            {"start": start, "seconds": round(at, 3), "label": name, "probability": share}
            for start, at, (name, share) in zip(
                prediction.starts, prediction.seconds,
                [best(each, trained.classes) for each in prediction.windows], strict=True,
            )
        ]  # fmt: skip
    return found


def tell(prediction: Prediction, trained: Trained, backbone: str, as_json: bool) -> None:
    """The same for people on stderr, or as a line of JSON on stdout."""
    if as_json:
        click.echo(json.dumps(facts(prediction, trained, backbone)))
    elif prediction.error is not None:
        say(f"{prediction.video}: {prediction.error.stage} failed: {prediction.error}")
    elif not prediction.starts:
        say(f"{prediction.video}: nobody was seen, or the clip is a still: no window, no label")
    else:
        say("{}: {} ({:.2f})".format(prediction.video, *best(prediction.overall, trained.classes)))
        rows = [
            (f"{at:.1f} s", *best(probabilities, trained.classes))
            for at, probabilities in zip(prediction.seconds, prediction.windows, strict=True)
        ]
        if trained.looks_at_poses:  # features are of a clip's beginning only: there is no more to say
            show(rows_table("over time", ("from", "label", "probability"), rows))
