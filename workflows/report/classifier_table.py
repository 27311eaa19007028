"""ClassifierTable: action models side by side, a line a run."""

from collections.abc import Mapping
from typing import Any

from posebeam.workflows.report.classifier_run import ClassifierRun, part_of

CLASSIFIER_HEADER = (
    "run", "clips right", "95 %", "windows right", "balanced", "calibration error", "measured on",
    "ms at batch 1", "parameters", "model", "recipe", "backbone", "chain", "windows",
)  # fmt: skip


def classifier_cells(run: ClassifierRun) -> tuple[str, ...]:
    """A line under CLASSIFIER_HEADER; a dash is what is not known."""
    facts = run.facts()
    epochs = f", epoch {facts['epoch']} of {facts['epochs']}" if facts["epoch"] else ""
    return (
        run.name,
        *_measured(run),
        f"{run.speed.milliseconds:.2f}" if run.speed else "-",
        f"{facts['parameters']:,}",
        facts["model"] if facts["state"] == "finished" else f"{facts['model']} (unfinished)",
        f"{facts['recipe']}{epochs}",
        *_input(facts),
    )


def _input(facts: Mapping[str, Any]) -> tuple[str, str, str]:
    """Whose poses, by which chain, in which windows; or whose features."""
    rate = f" at {facts['fps']:g} fps" if facts["fps"] else ""
    if facts["features"]:
        return facts["features"], "-", f"a clip's features{rate}"
    return facts["backbone"] or "-", facts["chain"] or "-", f"{facts['window']} / {facts['stride']}{rate}"


def _measured(run: ClassifierRun) -> tuple[str, ...]:
    """On what, and the figures of, the best evaluation; else those of validation, said so."""
    if found := run.best:
        low, high = found["clip_accuracy_interval"]
        switch = f", {found['backbone']}" if found.get("backbone_switch") else ""
        return (
            f"{found['clip_accuracy']:.1%} of {found['clips']}",
            f"{low:.1%} to {high:.1%}",
            f"{found['window_accuracy']:.1%} of {found['windows']:,}",
            f"{found['balanced_accuracy']:.1%}",
            f"{found['calibration']['clips']['error']:.3f}" if "calibration" in found else "-",
            f"{part_of(found['part'], found['split'])}{switch}",
        )
    if found := run.record.get("validation"):
        clips, windows = f"{found['clip_accuracy']:.1%} of {found['clips']}", f"{found['window_accuracy']:.1%}"
        return (clips, "-", windows, "-", "-", "validation groups")
    return ("-",) * 6
