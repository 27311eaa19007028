"""Curves: what a training logged, epoch by epoch, from the CSV logs of its run folder."""

import csv
import math
from pathlib import Path

Curve = dict[int, float]  # epoch, from 1 on: figure
LOGS = "logs"


def read_curves(run: Path) -> dict[str, Curve]:
    """Each figure that was logged, by epoch; empty if RUN holds no logs.

    A training that was resumed has logs of each of its starts: what a later start says of an epoch counts, and
    within an epoch the last line that says anything.
    """
    found: dict[str, Curve] = {}
    for path in sorted((run / LOGS).glob("*/metrics.csv"), key=_start):
        with path.open(encoding="utf-8", newline="") as file:
            for line in csv.DictReader(file):
                for name, value in line.items():
                    figure = _number(value)
                    epoch = _number(line.get("epoch"))
                    if name not in ("epoch", "step") and figure is not None and epoch is not None:
                        found.setdefault(name, {})[int(epoch) + 1] = figure
    return {name: dict(sorted(curve.items())) for name, curve in sorted(found.items())}


def _start(path: Path) -> tuple[int, str]:
    """version_10 comes after version_9."""
    digits = "".join(letter for letter in path.parent.name if letter.isdigit())
    return int(digits or 0), path.parent.name


def _number(text: str | None) -> float | None:
    """A finite number, or nothing: cells may be empty, and a training that broke logged nan."""
    try:
        number = float(text or "")
    except (ValueError, TypeError):
        return None
    return number if math.isfinite(number) else None
