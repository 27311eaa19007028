"""CocoEntries: results and detections in COCO's formats as others wrote them, checked entry by entry.

Formats: https://cocodataset.org/#format-results, keypoint detection and object detection.
"""

from collections.abc import Collection, Iterator
from pathlib import Path
from typing import Any, NoReturn

import numpy as np
from numpy.typing import NDArray

from posebeam.pipelines.coco.results import PERSON
from posebeam.pipelines.json_value import is_number, is_numbers, is_whole, read_json, shown
from posebeam.transforms.errors import SourceError

# loadRes decides by the first entry's keys what a whole file is; these say that it holds no people's keypoints.
_OTHERS = ("caption", "segmentation")


def read_results(path: Path, images: Collection[int]) -> list[dict[str, Any]]:
    """Keypoint results of some of `images`, each as it stands in the file; SourceError says which entry is wrong.

    An entry has image_id, category_id, keypoints (51 numbers: x, y, v of COCO's joints) and score; with bbox, as
    mmpose writes it, pycocotools takes the person's area from it, so that all entries have one or none.
    """
    entries = list(_entries(path, images, {"keypoints": 51}))
    with_box = sum("bbox" in one for one in entries)
    if with_box not in (0, len(entries)):
        raise SourceError(f"{path}: {with_box} of {len(entries)} entries have bbox, expected all or none")
    for number, one in enumerate(entries):
        if strange := [name for name in _OTHERS if name in one]:
            raise SourceError(f"{path}: entry {number} has {strange[0]}: these are no keypoint results")
        if with_box and not is_numbers(one["bbox"], 4):
            raise SourceError(f"{path}: entry {number}: bbox is {shown(one['bbox'])}, expected 4 numbers")
    return entries


def read_boxes(path: Path, images: Collection[int]) -> dict[int, NDArray[np.float64]]:
    """The boxes of persons (category 1) in each of `images`: float64 [P, 5] of x, y, width, height, score, the
    surest first, as in the file where two are as sure. Boxes of other images, a larger set's, are left out.

    SourceError if an entry is wrong, or if there is no person in any of the images.
    """
    found: dict[int, list[list[float]]] = {number: [] for number in images}
    for number, one in enumerate(_entries(path, None, {"bbox": 4})):
        if min(one["bbox"][2:]) < 0:
            raise SourceError(f"{path}: entry {number}: bbox is {one['bbox']}, expected a width and a height >= 0")
        if one["category_id"] == PERSON and one["image_id"] in found:
            found[one["image_id"]].append([*one["bbox"], one["score"]])
    if not any(found.values()):
        raise SourceError(f"{path} holds no box of a person (category_id 1) in any of the {len(found)} images")
    boxes = {number: np.array(rows, np.float64).reshape(-1, 5) for number, rows in found.items()}
    return {number: rows[np.argsort(-rows[:, 4], kind="stable")] for number, rows in boxes.items()}


def _entries(path: Path, images: Collection[int] | None, arrays: dict[str, int]) -> Iterator[dict[str, Any]]:
    """Entries that have image_id (one of `images`), category_id, score, and lists of so many numbers."""
    content = _read(path)
    if not isinstance(content, list):
        raise SourceError(f"{path} holds {shown(content)}, expected a list of results: [{{...}}, ...]")
    for number, one in enumerate(content):
        where = f"{path}: entry {number}"
        if not isinstance(one, dict):
            raise SourceError(f"{where} is {shown(one)}, expected an object")
        for name in ("image_id", "category_id"):
            if not is_whole(one.get(name)):
                raise SourceError(f"{where}: {name} is {shown(one.get(name))}, expected a whole number")
        if not is_number(one.get("score")):
            raise SourceError(f"{where}: score is {shown(one.get('score'))}, expected a number")
        for name, count in arrays.items():
            if not is_numbers(one.get(name), count):
                raise SourceError(f"{where}: {name} is {shown(one.get(name))}, expected {count} numbers")
        if images is not None and one["image_id"] not in images:
            raise SourceError(
                f"{where}: image {one['image_id']} is not among the {len(images)} images of the annotations"
            )
        yield one


def _read(path: Path) -> Any:
    try:
        return read_json(path, _refuse)
    except OSError as error:
        raise SourceError(f"{path}: {error.strerror}") from None
    except ValueError as error:
        raise SourceError(f"{path} is no JSON: {error}") from None


def _refuse(name: str) -> NoReturn:
    raise ValueError(f"{name} is no number of JSON")
