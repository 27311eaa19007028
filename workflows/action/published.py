"""Published: an AcT of published weights as a run folder, as if it had been trained here."""

from collections.abc import Sequence
from dataclasses import asdict, replace
from pathlib import Path
from typing import Any

from posebeam.models.act_h5 import ActH5, read_act_h5
from posebeam.pipelines.imports.imported import SEEN, imported_settings
from posebeam.pipelines.manifest import make_manifest
from posebeam.pipelines.plan import Plan
from posebeam.pipelines.publish import file_sha256
from posebeam.pipelines.sources.mpose import CLASSES
from posebeam.transforms.errors import ConfigError
from posebeam.transforms.windows import WindowRule
from posebeam.workflows.action.act_recipes import recipe
from posebeam.workflows.run_folder import RECORD, write_record, write_weights

LAYOUT, CHAIN, SKELETON = "act13-body25", "act", "body25"


def import_act(file: Path, run: Path, classes: Sequence[str] = (), split: int = 0) -> dict[str, Any]:
    """A run folder RUN of the Keras weights in FILE; returns its record, run.json.

    classes are names in the order of the outputs, MPOSE2021's if there are 20 and none are given. split is the
    official split that the weights were trained on, 0 if there is none: evaluation takes its test part.
    ConfigError if RUN holds a run, or the number of classes is another; WeightsError if FILE holds no AcT.
    """
    if (run / RECORD).exists():
        raise ConfigError(f"{run} holds a run: take another folder")
    act = read_act_h5(file)
    names = _class_names(act, classes)
    record = {
        "state": "finished",
        "model": f"act-{act.size}",
        "parameters": sum(p.numel() for p in act.network.parameters()),
        "recipe": asdict(replace(recipe("published"), name="imported", about="Trained elsewhere.")),
        "split": split,
        "seed": 0,
        "classes": list(names),
        "data": _data(act, split),
        "manifest_sha256": "",
        "windows": {"train": 0, "validation": 0},
        "validation_groups": [],
        "epochs": 0,
        "epoch": 0,
        "seconds": 0.0,
        "validation": None,
        "imported": {"kind": "act-h5", "file": file.name, "sha256": file_sha256(file)},
    }
    write_weights(act.network, run)
    write_record(record, run)
    return record


def _class_names(act: ActH5, given: Sequence[str]) -> tuple[str, ...]:
    names = tuple(given) or (CLASSES if act.classes == len(CLASSES) else ())
    if not names:
        raise ConfigError(
            f"the weights tell {act.classes} classes apart: name them with --classes FILE, one a line, in the "
            f"order of the outputs (only MPOSE2021's {len(CLASSES)} are known by themselves)"
        )
    if len(names) != act.classes or len(set(names)) != len(names):
        raise ConfigError(
            f"got {len(names)} class names ({len(set(names))} different), the weights tell {act.classes} apart"
        )
    return names


def _data(act: ActH5, split: int) -> dict[str, Any]:
    """What the manifest of its training data would say: how MPOSE2021's windows are made."""
    rule = WindowRule(
        length=act.length, stride=act.length, gaps="drop", min_score=SEEN, chain=CHAIN, layout=LAYOUT
    )
    settings = imported_settings("mpose", "openpose", rule, split)
    config: dict[str, Any] = make_manifest(Plan(settings, (), {}, 0, 0), [], SKELETON)["config"]
    return config
