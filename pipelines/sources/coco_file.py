"""CocoFile: an annotation file in COCO's format, every entry looked at before pycocotools joins them.

Format: https://cocodataset.org/#format-data, person_keypoints_*.json; image_info_*.json names images only.
"""

import contextlib
import io
import os
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from posebeam.pipelines.json_value import is_number, is_numbers, is_whole, read_json, shown
from posebeam.transforms.errors import SourceError
from posebeam.transforms.skeleton import skeleton

LABEL = "person"
_MOST = 1 << 31  # pixels a side, and from the corner: what the columns of a data set hold


def read(path: Path) -> Any:
    """The file as pycocotools' COCO, which joins people to images; silent, as its words would go to stdout.

    Entries are objects, ids are whole numbers. SourceError if it is no such file, or names no image.
    """
    try:
        content = read_json(path)
    except OSError as error:
        raise SourceError(f"{path}: {error.strerror}") from None
    except ValueError as error:
        raise SourceError(f"{path} is no COCO annotation file: {type(error).__name__}: {error}") from None
    if not isinstance(content, dict) or not isinstance(content.get("images", []), list):
        raise SourceError(f"{path} is no COCO annotation file: it holds {shown(content)}")
    if not content.get("images"):
        raise SourceError(f"{path} names no images: expected person_keypoints_*.json or image_info_*.json")
    for kind, ids in (("images", ()), ("annotations", ("image_id",)), ("categories", ())):
        _check_entries(path, kind, content.setdefault(kind, []), ids)
    return joined(content)


def joined(content: dict[str, Any]) -> Any:
    """What pycocotools makes of a file's content."""
    from pycocotools.coco import COCO

    coco = COCO()
    coco.dataset = content
    with contextlib.redirect_stdout(io.StringIO()):
        coco.createIndex()
    return coco


def _check_entries(path: Path, kind: str, entries: Any, ids: tuple[str, ...]) -> None:
    """SourceError unless they are objects whose ids are whole numbers."""
    if not isinstance(entries, list):
        raise SourceError(f"{path} is no COCO annotation file: {kind} is {shown(entries)}, expected a list")
    for number, one in enumerate(entries):
        whole = ("id", *ids) if isinstance(one, dict) else ()
        if not whole or not all(is_whole(one.get(name)) for name in whole):
            raise SourceError(
                f"{path} is no COCO annotation file: number {number} of {kind} is {shown(one)}, expected an "
                f"object with whole numbers for {' and '.join(('id', *ids))}"
            )
        # Pycocotools asks every entry for its category; a file of nothing but people may say none.
        if (
            kind == "annotations"
            and one.setdefault("category_id") is not None
            and not is_whole(one["category_id"])
        ):
            raise SourceError(f"{path}: annotation {one['id']}: category_id is {shown(one['category_id'])}")


def person_id(coco: Any, path: Path) -> int | None:
    """The category called person; its joints, where they are named, must be COCO's 17 in their order."""
    for category in coco.dataset.get("categories", ()):
        if category.get("name") == LABEL:
            joints = category.get("keypoints") or []
            if joints and joints != list(skeleton("coco17").joints):
                raise SourceError(f"{path}: its person has the joints {_names(joints)}, expected coco17's")
            return int(category["id"])
    return None


def _names(joints: Any) -> str:
    plain = isinstance(joints, list) and len(joints) <= 100 and all(isinstance(name, str) for name in joints)
    return ", ".join(name[:40] for name in joints) if plain else shown(joints)


def images(coco: Any, path: Path) -> Iterator[dict[str, Any]]:
    """Each image with its people, sorted by file name. SourceError for names that repeat or lead elsewhere."""
    person = person_id(coco, path)
    strangers = {one["image_id"] for one in coco.anns.values()} - coco.imgs.keys()
    if strangers:
        raise SourceError(f"{path}: annotations of image {min(strangers)}, which it does not name")
    if len(coco.imgs) != len(coco.dataset["images"]):
        raise SourceError(f"{path}: {len(coco.dataset['images'])} images with {len(coco.imgs)} different ids")
    seen: dict[str, int] = {}
    for image in sorted(coco.dataset["images"], key=lambda image: str(image.get("file_name"))):
        name, number = _name(image, path), image["id"]
        if seen.setdefault(name, number) != number:
            raise SourceError(f"{path}: images {seen[name]} and {number} are both {name}")
        people = [one for one in coco.imgToAnns.get(number, ()) if one["category_id"] == person]
        yield {
            "file_name": name,
            "image_id": number,
            "width": _side(image, "width", path),
            "height": _side(image, "height", path),
            "people": [_person(one, path) for one in sorted(people, key=lambda one: one["id"])],
        }


def _name(image: dict[str, Any], path: Path) -> str:
    name, number = image.get("file_name"), image["id"]
    if not isinstance(name, str) or not name or not name.isprintable():
        raise SourceError(f"{path}: image {number} with file_name {shown(name)}, expected a number and a name")
    if name != os.path.normpath(name) or Path(name).is_absolute() or name.startswith(".."):
        raise SourceError(f"{path}: the file name {shown(name)} of image {number} leads out of the folder")
    return name


def _side(image: dict[str, Any], name: str, path: Path) -> int:
    """Width or height in pixels, 0 where nobody told."""
    value = image.get(name) or 0
    if not is_number(value) or not 0 <= value < _MOST:
        raise SourceError(f"{path}: image {image['id']}: {name} is {shown(value)}, expected pixels")
    return int(value)


def _person(one: dict[str, Any], path: Path) -> dict[str, Any]:
    """What is kept of a person's entry: no outline. keypoints is [] where the file has none."""
    points, box = one.get("keypoints") or [], one.get("bbox") or []
    if not (is_numbers(points, 0, 51) and is_numbers(box, 4)):
        count = f"{len(points)} numbers" if isinstance(points, list) else shown(points)
        raise SourceError(
            f"{path}: annotation {one['id']} has {count} for keypoints and the box {shown(box)}, "
            "expected 51 (x, y, v of 17 joints) or none, and x, y, width, height, all of them numbers"
        )
    area, crowd = one.get("area"), one.get("iscrowd", 0)
    if not (area is None or type(area) in (int, float)) or crowd not in (0, 1):
        raise SourceError(
            f"{path}: annotation {one['id']}: an entry is not as COCO writes it: area {shown(area)}, iscrowd "
            f"{shown(crowd)}, expected a number and 0 or 1"
        )
    if any(abs(value) >= _MOST for value in [*points, *box]):
        raise SourceError(f"{path}: annotation {one['id']} has numbers that are too large to be pixels")
    return {
        "id": one["id"],
        "bbox": box,
        "area": area,
        "iscrowd": int(crowd),
        "keypoints": [float(value) for value in points],
        "num_keypoints": sum(flag > 0 for flag in points[2::3]),
    }
