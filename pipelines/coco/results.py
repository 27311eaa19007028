"""CocoResults: stored poses of a COCO data set as the JSON that pycocotools' COCO.loadRes reads.

Format: https://cocodataset.org/#format-results, keypoint detection.
"""

import json
from collections.abc import Iterable, Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow.parquet as pq
from numpy.typing import NDArray

from posebeam.pipelines.manifest import read_manifest
from posebeam.pipelines.publish import file_sha256, publish, unfinished, workspace
from posebeam.pipelines.settings import ANNOTATED
from posebeam.pipelines.stills.schema import HALF_PIXEL
from posebeam.transforms.errors import DataError
from posebeam.transforms.skeleton import Skeleton, skeleton

FILE = "coco-results.json"
PERSON = 1  # COCO's number of the category person
_COLUMNS = ["image_id", "xy", "score", "person_score"]


def gives_results(kind: str, skeleton_name: str) -> bool:
    """Whether a data set's poses can be COCO results: its images have numbers, its joints include coco17's.

    skeleton_name is "" where there are no poses.
    """
    return (
        kind in ANNOTATED
        and skeleton_name != ""
        and set(skeleton("coco17").joints) <= set(skeleton(skeleton_name).joints)
    )


def coco_results(out: Path, manifest: dict[str, Any]) -> Iterator[dict[str, Any]]:
    """A result a person, in the order of the poses, scored as coco-eval scores it."""
    joints = skeleton(manifest["config"]["skeleton"])
    for file in manifest["files"]:
        if file["product"] == "poses":
            for batch in pq.ParquetFile(out / file["path"]).iter_batches(1024, columns=_COLUMNS):
                for row in batch.to_pylist():
                    xy = np.array(row["xy"], np.float64).reshape(len(joints), 2)
                    yield coco_result(row["image_id"], xy, joints, row["person_score"])


def coco_result(image_id: int, xy: NDArray[np.floating], joints: Skeleton, person_score: float) -> dict[str, Any]:
    """One person's result, xy [K, 2] in source pixels.

    keypoints are x, y, v of the 17 joints by name (others, a neck, are dropped): COCO counts from the middle of
    the first pixel, so 0.5 is taken off; v is 1, as COCO ignores it; every joint has a place, however unsure.
    """
    points = xy.astype(np.float64)[joints.indices(skeleton("coco17").joints)] - HALF_PIXEL
    return {
        "image_id": image_id,
        "category_id": PERSON,
        "keypoints": np.column_stack([points.round(2), np.ones(17)]).ravel().tolist(),
        "score": round(person_score, 6),
    }


def write_results(out: Path, manifest: dict[str, Any]) -> dict[str, Any]:
    """Publish OUT/coco-results.json; return its facts for the manifest."""
    with workspace(out) as folder:
        part = folder / FILE
        count = write_lines(coco_results(out, manifest), part)
        facts = {"path": FILE, "results": count, "sha256": file_sha256(part)}
        publish(part, out / FILE)
    return facts


def export_results(out: Path, file: Path) -> int:
    """Publish the poses of the data set OUT as FILE; return how many results it holds.

    DataError if OUT is unfinished, or its poses are not of images with COCO's numbers and joints.
    """
    manifest = read_manifest(out)
    kind, skeleton_name = manifest["config"]["kind"], manifest["config"]["skeleton"]
    if not skeleton_name:
        raise DataError(f"{out} holds no poses: build it with --backbone NAME to have COCO results of it")
    if not gives_results(kind, skeleton_name):
        raise DataError(
            f"{out} holds poses of {kind} with the joints of {skeleton_name}: COCO results are of images that "
            "annotations number (posebeam build coco) and of COCO's joints"
        )
    with unfinished(file) as path:
        return write_lines(coco_results(out, manifest), path)


def write_lines(results: Iterable[dict[str, Any]], path: Path) -> int:
    """Write results as a JSON list, one a line; return how many there were."""
    count = 0
    with path.open("w", encoding="utf-8") as file:
        for count, result in enumerate(results, 1):
            file.write(("[" if count == 1 else ",\n") + json.dumps(result))
        file.write("]\n" if count else "[]\n")
    return count
