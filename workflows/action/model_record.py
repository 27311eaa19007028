"""ModelRecord: what a run.json must say before an action model is built of it; it may come from anywhere."""

from collections.abc import Mapping
from pathlib import Path
from typing import Any

from posebeam.pipelines.json_value import shown
from posebeam.pipelines.record import Says, require
from posebeam.transforms.errors import DataError

_MOST = 10_000  # frames of a window, and classes: what is larger is no action model
_NUMBER = (int, float)
_SAYS: Says = {"model": str, "classes": list, "data": dict, "recipe": dict}
_ACT_DATA: Says = {
    "window": int, "chain": str, "chain_version": int, "layout": str, "backbone": str, "weights_sha256": str,
}  # fmt: skip
_ACT_RECIPE: Says = {"dropout": _NUMBER, "mirrored": bool}
_HYBRID_DATA: Says = {"features": str, "features_sha256": str}
_HYBRID_RECIPE: Says = {"mask": str}


def require_model(path: Path, record: Mapping[str, Any]) -> None:
    """DataError, naming the file and what is wrong in it, unless it says what an action model is built of."""
    require(path, "", record, _SAYS)
    classes, hybrid = record["classes"], record["model"] == "hybrid"
    if not all(isinstance(name, str) for name in classes) or not 0 < len(set(classes)) == len(classes) <= _MOST:
        raise DataError(f"{path} is damaged: classes is {shown(classes)}, expected different names")
    require(path, "data.", record["data"], _HYBRID_DATA if hybrid else _ACT_DATA)
    require(path, "recipe.", record["recipe"], _HYBRID_RECIPE if hybrid else _ACT_RECIPE)
    if not hybrid and not 0 < record["data"]["window"] <= _MOST:
        raise DataError(f"{path} is damaged: windows of {record['data']['window']} frames")
    if not hybrid and record["recipe"]["dropout"] > 1:
        raise DataError(f"{path} is damaged: a dropout of {shown(record['recipe']['dropout'])}, expected up to 1")
