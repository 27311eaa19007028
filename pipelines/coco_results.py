"""CocoResults: stored poses of a COCO data set as the JSON that pycocotools' COCO.loadRes reads.

Format: https://cocodataset.org/#format-results, keypoint detection.
"""

import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow.parquet as pq

from posebeam.pipelines.publish import file_sha256, publish, workspace
from posebeam.pipelines.still_schema import HALF_PIXEL
from posebeam.transforms.skeleton import skeleton

FILE = "coco-results.json"
PERSON = 1  # COCO's number of the category person
_COLUMNS = ["image_id", "xy", "score", "person_score"]


def gives_results(kind: str, skeleton_name: str) -> bool:
    """Whether a data set's poses can be COCO results: its images have numbers, its joints include coco17's."""
    return kind == "coco" and set(skeleton("coco17").joints) <= set(skeleton(skeleton_name).joints)


def coco_results(out: Path, manifest: dict[str, Any]) -> Iterator[dict[str, Any]]:
    """A result a person, in the order of the poses.

    keypoints are x, y, v of the 17 joints by name (others, a neck, are dropped): COCO counts from the middle of
    the first pixel, so 0.5 is taken off; v is 1, as COCO ignores it; every joint has a place, however unsure.
    score is the mean of the joints that were seen.
    """
    joints = skeleton(manifest["config"]["skeleton"])
    columns = joints.indices(skeleton("coco17").joints)
    for file in manifest["files"]:
        if file["product"] == "poses":
            for batch in pq.ParquetFile(out / file["path"]).iter_batches(1024, columns=_COLUMNS):
                for row in batch.to_pylist():
                    xy = np.array(row["xy"], np.float64).reshape(len(joints), 2)[columns] - HALF_PIXEL
                    points = np.column_stack([xy.round(2), np.ones(17)])
                    yield {
                        "image_id": row["image_id"],
                        "category_id": PERSON,
                        "keypoints": points.ravel().tolist(),
                        "score": round(row["person_score"], 6),
                    }


def write_results(out: Path, manifest: dict[str, Any]) -> dict[str, Any]:
    """Publish OUT/coco-results.json, a result a line; return its facts for the manifest."""
    with workspace(out) as folder:
        unfinished, count = folder / FILE, 0
        with unfinished.open("w", encoding="utf-8") as file:
            for count, result in enumerate(coco_results(out, manifest), 1):
                file.write(("[" if count == 1 else ",\n") + json.dumps(result))
            file.write("]\n" if count else "[]\n")
        facts = {"path": FILE, "results": count, "sha256": file_sha256(unfinished)}
        publish(unfinished, out / FILE)
    return facts
