"""MissingJoints: how often each joint of a data set's people was not seen, by class."""

from collections import Counter
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
from numpy.typing import NDArray

from posebeam.transforms.layout import layout
from posebeam.transforms.skeleton import skeleton
from posebeam.workflows.report.product_tables import product_tables


def missing_joints(
    out: Path, manifest: Mapping[str, Any]
) -> tuple[tuple[str, ...], dict[str, NDArray[np.float64]]]:
    """Joints, and for each class the share of frames in which each was not seen: of poses, or else of windows."""
    config = manifest["config"]
    products = {file["product"] for file in manifest["files"]}
    if "poses" in products:
        joints, column = skeleton(config["skeleton"]).joints, "score"
    elif "windows" in products:
        joints, column = layout(config["layout"]).skeleton.joints, "valid"
    else:
        return (), {}
    sums: dict[str, NDArray[np.float64]] = {}
    frames: Counter[str] = Counter()
    for _, table in product_tables(
        out, manifest, "poses" if column == "score" else "windows", ["label_name", column]
    ):
        for label, seen in _seen(table, column, len(joints), config["min_score"]):
            sums[label] = sums.get(label, np.zeros(len(joints))) + (~seen).sum(0)
            frames[label] += len(seen)
    return joints, {label: sums[label] / max(1, frames[label]) for label in sorted(sums)}


def _seen(table: pa.Table, column: str, joints: int, min_score: float) -> Iterator[tuple[str, NDArray[np.bool_]]]:
    """Each row's class, and what was seen [T, K]."""
    for label, values in zip(table["label_name"].to_pylist(), table[column], strict=True):
        found = values.values.to_numpy(zero_copy_only=False).reshape(-1, joints)
        yield label, found if found.dtype == bool else found >= min_score
