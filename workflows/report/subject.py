"""Subject: what the things are that a report is asked for, and what is read of each."""

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from posebeam.models.registry import row
from posebeam.models.run_row import FILE as BACKBONE
from posebeam.pipelines.manifest import FILE as MANIFEST
from posebeam.transforms.errors import ConfigError, DataError
from posebeam.workflows.report.classifier_run import ClassifierRun, read_classifier_run
from posebeam.workflows.report.data_set import DataFigures, read_figures
from posebeam.workflows.report.pose_run import PoseRun, read_backbone, read_pose_run
from posebeam.workflows.report.speed import machine
from posebeam.workflows.report.trunk_run import TrunkRun, read_trunk_run
from posebeam.workflows.run_folder import RECORD, read_record


@dataclass(frozen=True, eq=False)
class Subjects:
    """Runs of classifiers, pose backbones, pre-trained trunks, data sets, each in the order of their naming."""

    classifiers: tuple[ClassifierRun, ...]
    poses: tuple[PoseRun, ...]
    trunks: tuple[TrunkRun, ...]
    data: tuple[DataFigures, ...]
    machine: str

    @property
    def names(self) -> list[str]:
        """Short names of all, as they stand in tables."""
        runs = [run.name for run in self.classifiers] + [run.name for run in self.poses]
        return runs + [run.name for run in self.trunks] + [data.name for data in self.data]

    @property
    def timed(self) -> bool:
        """Whether any speed was measured."""
        return any(run.speed for run in self.classifiers) or any(run.speed for run in self.poses)

    def as_dict(self) -> dict[str, Any]:
        """For --json."""
        return {
            "speed_on": self.machine,
            "classifiers": [each.as_dict() for each in self.classifiers],
            "poses": [each.as_dict() for each in self.poses],
            "trunks": [each.as_dict() for each in self.trunks],
            "data": [each.as_dict() for each in self.data],
        }


def read_subjects(names: Sequence[str], measure: bool = True) -> Subjects:
    """What the names stand for: run folders of train, train-pose, pretrain; data sets; backbones of the table.

    measure: speed is measured. ConfigError for what is none of them, DataError for what is damaged.
    """
    kinds = {name: kind_of(name) for name in names}
    short = short_names(list(kinds))
    of = {
        kind: [name for name in kinds if kinds[name] == kind]
        for kind in ("classifier", "pose", "backbone", "trunk", "data")
    }
    classifiers = [read_classifier_run(Path(name), short[name], measure) for name in of["classifier"]]
    poses = {name: read_pose_run(Path(name), short[name], measure) for name in of["pose"]}
    poses |= {name: read_backbone(name, measure) for name in of["backbone"]}
    trunks = [read_trunk_run(Path(name), short[name]) for name in of["trunk"]]
    data = [read_figures(Path(name), short[name]) for name in of["data"]]
    ordered = tuple(poses[name] for name in kinds if name in poses)
    return Subjects(tuple(classifiers), ordered, tuple(trunks), tuple(data), machine())


def kind_of(name: str) -> str:
    """classifier, pose, trunk, data: a folder; backbone: a row of the table. ConfigError, DataError if none."""
    folder = Path(name)
    if not folder.is_dir():
        try:
            row(name)
        except ConfigError as error:
            raise ConfigError(f"{name}: no folder of a run or a data set is there, and {error}") from error
        return "backbone"
    if (folder / MANIFEST).is_file():
        return "data"
    if (folder / BACKBONE).is_file():
        return "pose"
    if not (folder / RECORD).is_file():
        raise DataError(f"{folder} holds neither {RECORD} nor {MANIFEST}: it is no run, and no finished data set")
    record = read_record(folder)
    if "classes" in record:
        return "classifier"
    if record.get("task") == "pose":
        raise DataError(f"{folder}: its training is unfinished; go on with the same command and --resume")
    if record.get("task") == "pretrain":
        return "trunk"
    raise DataError(f"{folder} is no run of posebeam train, train-pose or pretrain")


def short_names(names: Sequence[str]) -> dict[str, str]:
    """Names for columns: the last parts of the paths, as many as it takes to tell them apart."""
    parts = {name: Path(name).resolve().parts if Path(name).exists() else (name,) for name in names}
    for count in range(1, 1 + max(map(len, parts.values()), default=1)):
        short = {name: "/".join(own[-count:]) for name, own in parts.items()}
        if len(set(short.values())) == len(short):
            return short
    return {name: name for name in names}
