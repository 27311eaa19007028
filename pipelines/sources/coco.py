"""COCO: the images that an annotation file names, with the people it annotates.

Format: https://cocodataset.org/#format-data, person_keypoints_*.json; image_info_*.json names images only.
"""

import contextlib
import io
import os
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pyarrow as pa

from posebeam.pipelines.clip import ClipRef
from posebeam.pipelines.listing import Listing
from posebeam.pipelines.settings import digest
from posebeam.pipelines.sources.tree import walk
from posebeam.pipelines.stills.ground_truth import table_of
from posebeam.pipelines.stills.still import SUFFIXES
from posebeam.transforms.errors import ConfigError, SourceError
from posebeam.transforms.skeleton import skeleton

LABEL = "person"
_PARTS = {"train": "train", "val": "validation", "test": "test"}


def list_clips(source: str | os.PathLike[str], *, annotations: str | os.PathLike[str]) -> Listing:
    """The images that the annotation file names, below `source`; the people go with them as ground truth.

    All are labelled person; the split is the one in the file's name (train2017, val2017, test-dev2017), or else
    train. A person's entry is kept as it stands, crowds and people without keypoints included.
    SourceError names what is wrong with the file.
    """
    if not str(annotations):
        raise ConfigError("coco needs --annotations person_keypoints_*.json; images without annotations: images")
    root, path = Path(source).absolute(), Path(annotations)
    tree = walk(root)
    files = {file.path: file for file in tree.files}
    dataset = read(path)
    refs, missing, truths = [], [], []
    for image in _images(dataset, path):
        name = image["file_name"]
        if name not in files:
            missing.append(name)
            continue
        truths.append(image)
        refs.append(_ref(image, path, str(root / name), files[name].size))
    named = {ref.clip_id for ref in refs}
    others = sorted(files.keys() - named)
    return Listing(
        tuple(refs),
        missing=tuple(missing),
        unlisted=tuple(name for name in others if name.lower().endswith(SUFFIXES)),
        ignored=tuple(sorted([*tree.ignored, *(name for name in others if not name.lower().endswith(SUFFIXES))])),
        warnings=tree.warnings,
        truth=_table(truths, path),
    )


def list_annotated(annotations: Path) -> Listing:
    """Every image that the file names, with its people, as list_clips gives it; no image is looked for."""
    truths = list(_images(read(annotations), annotations))
    refs = tuple(_ref(image, annotations, str(annotations), 0) for image in truths)
    return Listing(refs, truth=_table(truths, annotations))


def _ref(image: dict[str, Any], annotations: Path, uri: str, size: int) -> ClipRef:
    name = image["file_name"]
    split = next((part for text, part in _PARTS.items() if text in annotations.stem), "train")
    return ClipRef(uri, name, LABEL, name, split, size, truth=digest(image)[:16])


def read(path: Path) -> Any:
    """The file through pycocotools, which joins people to images; silent, as its words would go to stdout.

    SourceError if it is none.
    """
    from pycocotools.coco import COCO

    try:
        with contextlib.redirect_stdout(io.StringIO()):
            coco = COCO(str(path))
    except OSError as error:
        raise SourceError(f"{path}: {error.strerror}") from None
    except (ValueError, KeyError, TypeError, AssertionError) as error:
        raise SourceError(f"{path} is no COCO annotation file: {type(error).__name__}: {error}") from None
    if not coco.dataset.get("images"):
        raise SourceError(f"{path} names no images: expected person_keypoints_*.json or image_info_*.json")
    return coco


def _images(coco: Any, path: Path) -> Iterator[dict[str, Any]]:
    """Each image with its people, sorted by file name. SourceError for names that repeat or lead elsewhere."""
    person = person_id(coco, path)
    strangers = {one["image_id"] for one in coco.anns.values()} - coco.imgs.keys()
    if strangers:
        raise SourceError(f"{path}: annotations of image {min(strangers)}, which it does not name")
    if len(coco.imgs) != len(coco.dataset["images"]):
        raise SourceError(f"{path}: {len(coco.dataset['images'])} images with {len(coco.imgs)} different ids")
    seen: dict[str, int] = {}
    for image in sorted(coco.dataset["images"], key=lambda image: str(image.get("file_name"))):
        name, number = image.get("file_name"), image.get("id")
        if not isinstance(name, str) or not isinstance(number, int) or not name.isprintable():
            raise SourceError(f"{path}: image {number!r} with file_name {name!r}, expected a number and a name")
        if name != os.path.normpath(name) or Path(name).is_absolute() or name.startswith(".."):
            raise SourceError(f"{path}: the file name {name!r} of image {number} leads out of the folder")
        if seen.setdefault(name, number) != number:
            raise SourceError(f"{path}: images {seen[name]} and {number} are both {name}")
        people = [one for one in coco.imgToAnns.get(number, ()) if one.get("category_id") == person]
        yield {
            "file_name": name,
            "image_id": number,
            "width": int(image.get("width") or 0),
            "height": int(image.get("height") or 0),
            "people": [_person(one, path) for one in sorted(people, key=lambda one: one["id"])],
        }


def person_id(coco: Any, path: Path) -> int | None:
    """The category called person; its joints, where they are named, must be COCO's 17 in their order."""
    for category in coco.dataset.get("categories", ()):
        if category.get("name") == LABEL:
            joints = tuple(category.get("keypoints", ()))
            if joints and joints != skeleton("coco17").joints:
                raise SourceError(f"{path}: its person has the joints {', '.join(joints)}, expected coco17's")
            return int(category["id"])
    return None


def _person(one: dict[str, Any], path: Path) -> dict[str, Any]:
    """What is kept of a person's entry: no outline. keypoints is [] where the file has none."""
    points, box = [float(value) for value in one.get("keypoints") or ()], one.get("bbox")
    if len(points) not in (0, 51) or not isinstance(box, list) or len(box) != 4:
        raise SourceError(
            f"{path}: annotation {one.get('id')} has {len(points)} numbers for keypoints and the box {box}, "
            "expected 51 (x, y, v of 17 joints) or none, and x, y, width, height"
        )
    return {
        "id": one.get("id"),
        "bbox": box,
        "area": one.get("area"),
        "iscrowd": one.get("iscrowd", 0),
        "keypoints": points,
        "num_keypoints": sum(flag > 0 for flag in points[2::3]),
    }


def _table(truths: list[dict[str, Any]], path: Path) -> pa.Table:
    try:
        return table_of(truths)
    except (pa.ArrowException, TypeError) as error:
        raise SourceError(f"{path}: an entry is not as COCO writes it: {error}") from None
