"""CocoAp: average precision and recall of people's keypoints, as pycocotools counts them.

Source: https://cocodataset.org/#keypoints-eval; every number is pycocotools' own.
"""

import contextlib
import io
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from posebeam.pipelines.coco.results import PERSON
from posebeam.pipelines.json_value import is_number, is_numbers, shown
from posebeam.pipelines.sources.coco_file import LABEL, joined, person_id, read
from posebeam.transforms.errors import SourceError

_FIGURES = {"AP": 0, "AP50": 1, "AP75": 2, "APM": 3, "APL": 4, "AR": 5}  # their places in COCOeval.stats
_NUMBERS = {"keypoints": 51, "bbox": 4}


@dataclass(frozen=True)
class CocoAp:
    """Shares 0..1 over thresholds of OKS from 0.50 to 0.95; -1, as pycocotools has it, where nobody is that large.

    images and people are what was counted over: people are the annotated ones with keypoints, crowds left out.
    results is how many were given, of which at most 20 an image count.
    """

    AP: float
    AP50: float
    AP75: float
    APM: float
    APL: float
    AR: float
    images: int
    people: int
    results: int


class Truth:
    """An annotation file with people's keypoints, checked: people [51 numbers], areas, boxes, crowds."""

    def __init__(self, path: Path, coco: Any = None):
        """coco: what `indexed` made of entries that are here already; path then says where they are from."""
        self.coco = read(path) if coco is None else coco
        self.person = person_id(self.coco, path)
        people = [one for one in self.coco.anns.values() if one["category_id"] == self.person]
        if not people or self.person is None:
            raise SourceError(
                f"{path} annotates no person: expected person_keypoints_*.json (image_info_*.json holds no people)"
            )
        for one in people:
            _check(one, path)

    @property
    def images(self) -> set[int]:
        """The numbers of its images."""
        return set(self.coco.imgs)

    def annotated(self, image_id: int) -> list[dict[str, Any]]:
        """The people of an image who count, with keypoints and not in a crowd, as the file has them."""
        people = (one for one in self.coco.imgToAnns.get(image_id, ()) if one["category_id"] == self.person)
        return [one for one in people if one["num_keypoints"] > 0 and not one["iscrowd"]]


def indexed(images: Sequence[dict[str, Any]], people: Sequence[dict[str, Any]]) -> Any:
    """COCO's entries of images (id, width, height) and of people, numbered from 1, as pycocotools keeps them."""
    return joined({"images": images, "annotations": people, "categories": [{"id": PERSON, "name": LABEL}]})


def _check(one: dict[str, Any], path: Path) -> None:
    """What COCOeval reads of a person without looking."""
    where = f"{path}: annotation {one.get('id')!r}"
    for name, count in _NUMBERS.items():
        values = one.get(name)
        if not is_numbers(values, count):
            raise SourceError(f"{where}: {name} is {shown(values)}, expected {count} numbers")
    for name in ("area", "num_keypoints"):
        if not is_number(one.get(name)) or one[name] < 0:
            raise SourceError(f"{where}: {name} is {shown(one.get(name))}, expected a number, 0 or more")
    if one.setdefault("iscrowd", 0) not in (0, 1):
        raise SourceError(f"{where}: iscrowd is {shown(one['iscrowd'])}, expected 0 or 1")


def average_precision(
    truth: Truth, results: Sequence[dict[str, Any]], images: Sequence[int] | None = None
) -> CocoAp:
    """How well results (coco_entries.py has checked them) fit the truth, over `images` or else all of the file's.

    Given results are handed to pycocotools as they are: the figures equal its own to the last bit.
    """
    from pycocotools.cocoeval import COCOeval

    numbers = sorted(truth.images if images is None else images)
    with contextlib.redirect_stdout(io.StringIO()):  # pycocotools talks; stdout is for JSON
        found = COCOeval(truth.coco, _loaded(truth.coco, results), "keypoints")
        found.params.imgIds, found.params.catIds = numbers, [truth.person]
        found.evaluate()
        found.accumulate()
        found.summarize()
    figures = {name: float(found.stats[place]) for name, place in _FIGURES.items()}
    people = sum(len(truth.annotated(number)) for number in numbers)
    return CocoAp(**figures, images=len(numbers), people=people, results=len(results))


def _loaded(coco: Any, results: Sequence[dict[str, Any]]) -> Any:
    """loadRes, which writes into what it is given and knows no empty list."""
    from pycocotools.coco import COCO

    if results:
        return coco.loadRes([dict(one) for one in results])
    empty = COCO()
    empty.dataset = {"images": coco.dataset["images"], "categories": coco.dataset["categories"], "annotations": []}
    empty.createIndex()
    return empty
