"""PoseRun: a pose backbone in figures, trained here or a row of the table, beside what was published of it."""

import json
from collections.abc import Mapping
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

from posebeam.models.registry import build_network, row
from posebeam.models.row import Row
from posebeam.transforms.errors import DataError
from posebeam.workflows.report.curves import Curve, read_curves
from posebeam.workflows.report.speed import Speed, batch_one
from posebeam.workflows.run_folder import EVALUATION, read_record

_KINDS = {"gt": "ground truth", "none": "none", "detector": "detector", "file": "file"}


@dataclass(frozen=True, eq=False)
class Measured:
    """AP and AR, 0..100, of `people` in `images` images, in boxes of a kind; `where` says what they are from.

    None where COCO's evaluation counts nobody.
    """

    where: str
    boxes: str
    ap: float | None
    ar: float | None
    images: int
    people: int


@dataclass(frozen=True, eq=False)
class PoseRun:
    """facts is the backbone's row with its own numbers, of the table's row `like` if it was trained; record is the
    training's, empty for a row of the table. speed is of the bare network for one picture of its input.
    """

    name: str
    facts: Row
    like: Row
    record: Mapping[str, Any]
    measured: tuple[Measured, ...]
    curves: Mapping[str, Curve]
    speed: Speed | None

    @property
    def init(self) -> str:
        """What training began from; "" for a row of the table."""
        if not self.record:
            return ""
        start = self.record["start"]
        if not start["source"]:
            return "made weights"
        return f"{'/'.join(Path(start['source']).parts[-2:])}, {start['taken']} tensors"

    @property
    def boxes(self) -> set[str]:
        """The kinds of boxes of all figures, measured and published."""
        return {each.boxes for each in self.measured} | {each.boxes for each in self.like.published}

    @property
    def recipe(self) -> str:
        """The recipe's name, "" for a row of the table."""
        found = self.record.get("recipe", "")
        return str(found["name"] if isinstance(found, Mapping) else found)

    def as_dict(self) -> dict[str, Any]:
        """For --json."""
        return {
            "run": self.name,
            "backbone": self.like.name,
            "state": self.record.get("state"),
            "recipe": self.recipe or None,
            "init": self.init or None,
            "parameters": self.facts.parameters,
            "macs": self.facts.macs,
            "input": list(self.facts.input),
            "fps_batch_1": self.speed and round(self.speed.per_second, 3),
            "latency_ms": self.speed and round(self.speed.milliseconds, 4),
            "measured": [asdict(each) for each in self.measured],
            "published": [asdict(each) for each in self.like.published],
            "curves": self.curves,
        }


def read_pose_run(folder: Path, name: str, measure: bool = True) -> PoseRun:
    """A run of posebeam train-pose. DataError if it is none, or is damaged."""
    record = read_record(folder)
    facts, like = row(str(folder)), row(record["backbone"])
    measured = [*_of_validation(record), *(_read(path) for path in sorted((folder / EVALUATION).glob("*.json")))]
    return PoseRun(
        name, facts, like, record, tuple(measured), read_curves(folder), _speed(str(folder), facts, measure)
    )


def read_backbone(name: str, measure: bool = True) -> PoseRun:
    """A row of the table: nothing is measured of it here but its speed, with made-up weights. ConfigError if there
    is no such row."""
    facts = row(name)
    return PoseRun(name, facts, facts, {}, (), {}, _speed(name, facts, measure))


def _speed(name: str, facts: Row, measure: bool) -> Speed | None:
    return batch_one(build_network(name), 1, 3, *facts.input) if measure else None


def _of_validation(record: Mapping[str, Any]) -> list[Measured]:
    """The figures of the epoch that was kept, on the images that validated."""
    found = record.get("validation")
    return [_measured(found, "validation", _KINDS[record["boxes"]])] if found else []


def _read(path: Path) -> Measured:
    try:
        found = dict(json.loads(path.read_text(encoding="utf-8")))
        return _measured(found, path.stem, _KINDS[found["boxes"]])
    except (ValueError, KeyError, TypeError) as error:
        raise DataError(
            f"{path} is no evaluation of a pose backbone ({error}): posebeam coco-eval writes one"
        ) from error


def _measured(found: Mapping[str, Any], where: str, boxes: str) -> Measured:
    ap, ar = (100 * found[name] if found[name] >= 0 else None for name in ("AP", "AR"))
    return Measured(where, boxes, ap, ar, int(found["images"]), int(found["people"]))
