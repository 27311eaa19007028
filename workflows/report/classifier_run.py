"""ClassifierRun: an action model's run folder, in figures: what it is, how it was trained, what it got right."""

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from posebeam.transforms.chain import FEATURES
from posebeam.transforms.errors import DataError
from posebeam.workflows.action.model_record import require_model
from posebeam.workflows.action.trained import Trained
from posebeam.workflows.report.curves import Curve, read_curves
from posebeam.workflows.report.speed import Speed, batch_one
from posebeam.workflows.run_folder import EVALUATION, RECORD, read_record

_NEEDED = ("part", "backbone", "clips", "clip_accuracy", "window_accuracy", "per_class", "classes", "confusion")
_ORDER = ("test", "validation", "train")


@dataclass(frozen=True, eq=False)
class ClassifierRun:
    """record is its run.json, evaluations its RUN/evaluation/*.json, the test part first; speed is of the bare
    network, for one window. It is None where the training is unfinished.
    """

    folder: Path
    name: str
    record: Mapping[str, Any]
    evaluations: tuple[Mapping[str, Any], ...]
    curves: Mapping[str, Curve]
    speed: Speed | None

    @property
    def best(self) -> Mapping[str, Any] | None:
        """The evaluation to stand beside other runs: of the test part and its own backbone, if there is one."""
        return self.evaluations[0] if self.evaluations else None

    @property
    def of_windows(self) -> bool:
        """Whether it looks at windows of poses; else at features of clips."""
        return bool(self.record["model"] != "hybrid")

    def facts(self) -> dict[str, Any]:
        """What it is and how it came about."""
        record, data = self.record, self.record["data"]
        return {
            "run": self.name,
            "state": record["state"],
            "model": record["model"],
            "parameters": record["parameters"],
            "recipe": record["recipe"]["name"],
            "epoch": record.get("epoch"),
            "epochs": record.get("epochs", record["recipe"].get("epochs")),
            "seed": record["seed"],
            "split": record["split"],
            "features": data.get("features") if record["model"] == "hybrid" else None,
            "backbone": data.get("backbone"),
            "chain": data.get("chain"),
            "layout": data.get("layout"),
            "window": data.get("window"),
            "stride": data.get("stride"),
            "fps": data.get("fps"),
            "windows": record["windows"],
            "seconds": record.get("seconds"),
            "validation": record.get("validation"),
            "latency_ms": self.speed and round(self.speed.milliseconds, 4),
            "latency_calls": self.speed and self.speed.calls,
        }

    def as_dict(self) -> dict[str, Any]:
        """For --json."""
        return {**self.facts(), "evaluations": [dict(each) for each in self.evaluations], "curves": self.curves}


def read_classifier_run(folder: Path, name: str, measure: bool = True) -> ClassifierRun:
    """A run of posebeam train; its network is built and timed if wanted. DataError if it is none, or damaged."""
    record = read_record(folder)
    if "model" not in record:
        raise DataError(f"{folder} is no run of posebeam train: its {RECORD} names no model")
    require_model(folder / RECORD, record)
    finished = record["state"] == "finished"
    speed = _speed(folder, record) if measure and finished else None
    return ClassifierRun(folder, name, record, _evaluations(folder), read_curves(folder), speed)


def _speed(folder: Path, record: Mapping[str, Any]) -> Speed:
    """Of the bare network, for one window, or for the features of one clip."""
    trained = Trained.load(folder, "cpu")
    hybrid = record["model"] == "hybrid"
    shape = trained.made.shape if hybrid else (int(record["data"]["window"]), FEATURES)
    return batch_one(trained.network, 1, *shape)


def _evaluations(folder: Path) -> tuple[Mapping[str, Any], ...]:
    found = [_read(path) for path in sorted((folder / EVALUATION).glob("*.json"))]
    return tuple(sorted(found, key=lambda each: (_ORDER.index(each["part"]), bool(each.get("backbone_switch")))))


def _read(path: Path) -> dict[str, Any]:
    try:
        found = dict(json.loads(path.read_text(encoding="utf-8")))
    except ValueError as error:
        raise DataError(f"{path} is damaged: {error}; posebeam evaluate writes it again") from error
    if [key for key in _NEEDED if key not in found] or found["part"] not in _ORDER:
        raise DataError(f"{path} is no evaluation of a classifier: posebeam evaluate writes one")
    return found


def recalls(runs: Sequence[ClassifierRun]) -> dict[str, list[float | None]]:
    """For each class the recall of each run's best evaluation; None where it has no clip of that class."""
    tables = [{row["class"]: row for row in run.best["per_class"]} if run.best else {} for run in runs]
    classes = dict.fromkeys(name for table in tables for name in table)
    return {name: [table.get(name, {}).get("recall") for table in tables] for name in classes}


def taken_for(found: Mapping[str, Any], name: str) -> str:
    """The class that clips of a class are most often taken for, with their number; a dash where all are right."""
    classes = list(found["classes"])
    if name not in classes:
        return "-"
    own = list(found["confusion"][classes.index(name)])
    own[classes.index(name)] = 0
    most = max(own)
    return f"{classes[own.index(most)]} ({most})" if most else "-"


def unlike(runs: Sequence[ClassifierRun]) -> str:
    """Why the runs' figures cannot be compared as they stand; "" if they can: the same clips are counted."""
    told = {
        (run.best["part"], run.best["split"], tuple((row["class"], row["clips"]) for row in run.best["per_class"]))
        for run in runs
        if run.best
    }
    if len(told) < 2:
        return ""
    parts = " and ".join(sorted({part_of(part, split) for part, split, _ in told}))
    return f"not measured on the same clips ({parts}): the figures cannot be compared as they stand"


def part_of(part: str, split: int) -> str:
    """In words; split 0 is the one that the files are named by."""
    return f"{part}, split {split}" if split else part
