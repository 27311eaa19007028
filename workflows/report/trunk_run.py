"""TrunkRun: a trunk that posebeam pretrain makes, in figures."""

import math
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from posebeam.transforms.errors import DataError
from posebeam.workflows.report.curves import Curve, read_curves
from posebeam.workflows.run_folder import read_record

TRUNK_HEADER = (
    "run", "backbone", "recipe", "images", "epochs", "loss", "of ln(outputs)", "teacher's entropy",
    "teacher's spread", "parameters",
)  # fmt: skip
TRUNK_NOTE = (
    "A pre-training's loss says nothing of how good a trunk is: posebeam train-pose --init RUN does. A loss of "
    "ln(outputs), or a teacher without spread, is a collapse."
)
_FIGURES = ("loss", "teacher_entropy", "teacher_spread")
_NEEDED = ("state", "backbone", "recipe", "images", "parameters")


@dataclass(frozen=True, eq=False)
class TrunkRun:
    """record is the training's; its figures are of the last epoch, in nats, absent before it is over."""

    name: str
    record: Mapping[str, Any]
    curves: Mapping[str, Curve]

    @property
    def collapsed(self) -> str:
        """Which kind of collapse the last epoch shows; "" for none."""
        return str(self.record.get("collapsed", ""))

    def cells(self) -> tuple[str, ...]:
        """A line under TRUNK_HEADER; a dash is what is not known."""
        recipe, state = self.record["recipe"], self.record["state"]
        figures = self.record.get("figures") or {}
        loss, entropy, spread = (f"{figures[key]:.4g}" if key in figures else "-" for key in _FIGURES)
        return (
            self.name,
            self.record["backbone"],
            recipe["name"] if state == "finished" else f"{recipe['name']} (unfinished)",
            f"{self.record['images']:,}",
            str(self.record.get("epochs", recipe["epochs"])),
            loss,
            f"{math.log(recipe['outputs']):.4g}",
            entropy,
            spread,
            f"{self.record['parameters']:,}",
        )

    def as_dict(self) -> dict[str, Any]:
        """For --json."""
        kept = ("state", "backbone", "images", "epochs", "parameters", "figures", "collapsed", "recipe")
        return {"run": self.name, **{key: self.record.get(key) for key in kept}, "curves": self.curves}


def read_trunk_run(folder: Path, name: str) -> TrunkRun:
    """A run of posebeam pretrain, which may be unfinished. DataError if its record says too little."""
    record = read_record(folder)
    if missing := [key for key in _NEEDED if key not in record]:
        raise DataError(
            f"{folder} is no run of posebeam pretrain: its run.json says nothing of {', '.join(missing)}"
        )
    return TrunkRun(name, record, read_curves(folder))
