"""ModelRecord: what a run.json must say before an action model is built of it; it may come from anywhere."""

from collections.abc import Mapping
from pathlib import Path
from typing import Any

from posebeam.pipelines.json_value import is_number, shown
from posebeam.pipelines.record import Says, require
from posebeam.transforms.errors import DataError

_MOST = 10_000  # frames of a window, and classes: what is larger is no action model
_NUMBER = (int, float)
_SAYS: Says = {
    "model": str, "classes": list, "data": dict, "recipe": dict, "split": int, "seed": int, "parameters": int,
    "windows": dict, "validation_groups": list,
}  # fmt: skip
_DATA: Says = {"fps": _NUMBER}
_ACT_DATA: Says = {
    "window": int, "stride": int, "chain": str, "chain_version": int, "layout": str, "backbone": str,
    "weights_sha256": str, "min_score": _NUMBER, "person": str, "crop_following": bool,
}  # fmt: skip
_HYBRID_DATA: Says = {"features": str, "features_sha256": str}
_RECIPE: Says = {"name": str}
_ACT_RECIPE: Says = {"dropout": _NUMBER, "mirrored": bool}
_HYBRID_RECIPE: Says = {"mask": str}
# What stands in some records only.
_MAY: Says = {"validation": (dict, type(None)), "validation_clips": list}
_DATA_MAY: Says = {"decode": str, "detector": str, "flip": bool, "backbone_sha256": str}
_VALIDATION: Says = {"clip_accuracy": _NUMBER, "window_accuracy": _NUMBER, "clips": int}


def require_model(path: Path, record: Mapping[str, Any]) -> None:
    """DataError, naming the file and what is wrong in it, unless it says what is read of an action model's record:
    to build the network, to predict and evaluate as it was trained, to export it and to report of it.
    """
    _require(path, "", record, _SAYS, _MAY)
    data, recipe, hybrid = record["data"], record["recipe"], record["model"] == "hybrid"
    _require(path, "data: ", data, {**_DATA, **(_HYBRID_DATA if hybrid else _ACT_DATA)}, _DATA_MAY)
    _require(path, "recipe: ", recipe, {**_RECIPE, **(_HYBRID_RECIPE if hybrid else _ACT_RECIPE)})
    _require_division(path, record)
    _expect(is_number(data["fps"]) and data["fps"] >= 0, path, "fps", data["fps"], "0 or more")
    if hybrid:
        return
    _expect(0 < data["window"] <= _MOST, path, "window", data["window"], f"1 to {_MOST} frames")
    _expect(data["stride"] > 0, path, "stride", data["stride"], "1 or more frames")
    _expect(is_number(data["min_score"]), path, "min_score", data["min_score"], "a finite number")
    _expect(recipe["dropout"] <= 1, path, "dropout", recipe["dropout"], "up to 1")


def _require_division(path: Path, record: Mapping[str, Any]) -> None:
    """What was told apart, and what of the data set validated, with which figures."""
    classes = record["classes"]
    named = _are_names(classes) and 0 < len(set(classes)) == len(classes) <= _MOST
    _expect(named, path, "classes", classes, "different names")
    _expect(0 <= record["split"] <= 3, path, "split", record["split"], "0 to 3")
    for name in ("validation_groups", "validation_clips"):
        _expect(_are_names(record.get(name, [])), path, name, record.get(name), "names")
    if (measured := record.get("validation")) is not None:
        require(path, "validation: ", measured, _VALIDATION)
        for name in ("clip_accuracy", "window_accuracy"):
            _expect(0 <= measured[name] <= 1, path, f"validation: {name}", measured[name], "0 to 1")


def _are_names(values: list[Any]) -> bool:
    return all(isinstance(value, str) for value in values)


def _require(path: Path, where: str, record: Mapping[str, Any], says: Says, may: Says | None = None) -> None:
    """DataError unless each name of says has a value of its kind, and each of may that is there."""
    there = {name: kind for name, kind in (may or {}).items() if name in record}
    require(path, where, record, {**says, **there})


def _expect(holds: bool, path: Path, name: str, got: Any, expected: str) -> None:
    if not holds:
        raise DataError(f"{path} is damaged: {name} is {shown(got)}, expected {expected}")
