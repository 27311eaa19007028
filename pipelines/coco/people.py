"""CocoPeople: what a backbone sees in COCO's images, as keypoint results: whole frames, or one person a box."""

from collections import Counter
from collections.abc import Callable, Hashable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any

import numpy as np
from numpy.typing import NDArray

from posebeam.models.backbone import Backbone
from posebeam.models.detector import Boxes, Detector
from posebeam.models.estimator import Estimator
from posebeam.models.row import Row
from posebeam.pipelines.coco.ap import Truth
from posebeam.pipelines.coco.results import coco_result
from posebeam.pipelines.fill import slots_for
from posebeam.pipelines.job import FRAME_BYTES
from posebeam.pipelines.json_value import is_number
from posebeam.pipelines.listing import Listing
from posebeam.pipelines.lockstep import Event, Failed, Seen, lockstep
from posebeam.pipelines.prefetch import STALL_SECONDS, Prefetch
from posebeam.pipelines.stills.still import open_still
from posebeam.pipelines.stores.fetched import opener
from posebeam.transforms.assign import sigmas
from posebeam.transforms.errors import SourceError
from posebeam.transforms.framing import FRAMINGS, Framing
from posebeam.transforms.people import People
from posebeam.transforms.suppression import scores_in_boxes, similarity, suppress


@dataclass(frozen=True)
class CocoPeople:
    """results in the order of the images' numbers, surest first in each; images are the numbers of all that were
    to be seen; failed and warnings are (file name, text).
    """

    results: tuple[dict[str, Any], ...]
    images: tuple[int, ...]
    failed: tuple[tuple[str, str], ...]
    warnings: tuple[tuple[str, str], ...]


class InBoxes:
    """An Estimator that looks into boxes, a detector's or those of a frame's hint; `sure` is the boxes' score."""

    wants_hints, several = False, True

    def __init__(self, backbone: Backbone, detector: Detector | None = None):
        backbone.in_boxes([], [])  # refused now and not at the first frame
        self._backbone, self._detector = backbone, detector
        self.name, self.skeleton, self.min_score = backbone.name, backbone.skeleton, backbone.min_score
        self.batch_size, self.device_kind = backbone.batch_size, backbone.device_kind

    @property
    def halvings(self) -> int:
        """How many chunks were halved for lack of memory so far."""
        return self._backbone.halvings + (self._detector.halvings if self._detector else 0)

    def __call__(self, frames: Sequence[NDArray[np.uint8]], hints: Sequence[Hashable | None]) -> list[People]:
        """One person a box, in the boxes' order."""
        boxes = self._detector(frames) if self._detector else [hint for hint in hints if isinstance(hint, Boxes)]
        if len(boxes) != len(frames):
            raise ValueError(f"{len(frames)} frames with boxes for {len(boxes)}: expected boxes for each")
        everyone = self._backbone.in_boxes(frames, [each.xywh for each in boxes])
        pairs = zip(everyone, boxes, strict=True)
        return [replace(people, sure=each.score) if people.finite else people for people, each in pairs]

    def next_hint(self, people: People, size: tuple[int, int]) -> None:
        """A still has no next frame."""


def annotated_boxes(truth: Truth, row: Row) -> dict[int, Boxes]:
    """By image the boxes of the annotated people who count, cleaned as published, each with the score 1.

    SourceError if the annotations do not say how large an image is.
    """
    found = {}
    for number, image in truth.coco.imgs.items():
        if not (is_number(image.get("height")) and is_number(image.get("width"))):
            raise SourceError(f"image {number} is annotated without height and width: its boxes cannot be cleaned")
        boxes = np.array([one["bbox"] for one in truth.annotated(number)], np.float64).reshape(-1, 4)
        clean, _ = _framing(row).clean(boxes, (image["height"], image["width"]))
        found[number] = Boxes(clean, np.ones(len(clean), np.float32))
    return found


def listed_boxes(rows: Mapping[int, NDArray[np.float64]]) -> dict[int, Boxes]:
    """By image the boxes of a file (coco_entries.read_boxes)."""
    return {number: Boxes(each[:, :4], each[:, 4].astype(np.float32)) for number, each in rows.items()}


def coco_people(
    listing: Listing,
    row: Row,
    estimator: Estimator,
    *,
    boxes: Mapping[int, Boxes] | None = None,
    in_boxes: bool = False,
    watch: Callable[[Counter[str]], None] | None = None,
) -> CocoPeople:
    """See all images.

    boxes are hints for an InBoxes, by the images' numbers. in_boxes: people were seen in boxes, which are rescored
    and suppressed as published.
    """
    images = {one["file_name"]: one for one in (listing.truth.to_pylist() if listing.truth else ())}
    framing = _framing(row) if in_boxes else None
    counts: Counter[str] = Counter()
    results: dict[int, list[dict[str, Any]]] = {}
    failed, warnings = [], []
    for event in _events(listing, estimator, lambda name: boxes[images[name]["image_id"]] if boxes else None):
        name = event.ref.clip_id
        if isinstance(event, Seen):
            number, people = images[name]["image_id"], event.people
            results[number] = list(results_of(number, people, estimator, row, framing))
            warnings += [(name, text) for text in _strange(images[name], event)]
            counts["frames"] += 1
        elif isinstance(event, Failed):
            failed.append((name, str(event.error)))
        counts["clips"] += int(not isinstance(event, Seen))
        counts["rejected"] = len(failed)
        if watch:
            watch(counts)
    ordered = [one for number in sorted(results) for one in results[number]]
    numbers = tuple(sorted(image["image_id"] for image in images.values()))
    return CocoPeople(tuple(ordered), numbers, tuple(sorted(failed)), tuple(sorted(warnings)))


def _framing(row: Row) -> Framing:
    """The row's own; for MoveNet, which has none, the one that leaves boxes as wide as annotated."""
    return FRAMINGS[row.framing or "middles"]


def _events(listing: Listing, estimator: Estimator, hint: Callable[[str], Hashable | None]) -> Iterator[Event]:
    slots = slots_for(len(listing.refs), estimator.batch_size, 2 if estimator.device_kind == "cuda" else 1)
    share = FRAME_BYTES // (2 * slots)

    def opened(ref: Any) -> Prefetch:
        return Prefetch(opener(ref.uri, open_still), share, STALL_SECONDS)

    return lockstep(listing.refs, opened, estimator, slots, first_hint=lambda ref: hint(ref.clip_id))


def results_of(
    number: int, people: People, estimator: Estimator, row: Row, framing: Framing | None
) -> Iterator[dict[str, Any]]:
    """An image's people as results, surest first; those in boxes rescored, and whoever is seen twice left out."""
    score, kept = people.sureness(estimator.min_score), np.arange(len(people))
    if framing is not None and len(people):
        corners = people.boxes.astype(np.float64)
        boxes = np.concatenate((corners[:, :2], corners[:, 2:] - corners[:, :2]), 1)
        score = scores_in_boxes(people, estimator.min_score, row.view == "top-down")
        area = framing.pieces(boxes, row.input).area
        kept = suppress(similarity(people.xy, area, sigmas(estimator.skeleton)), score)
    for person in kept[np.argsort(-score[kept], kind="stable")]:
        yield coco_result(number, people.xy[person], estimator.skeleton, float(score[person]))


def _strange(image: Mapping[str, Any], event: Seen) -> Iterator[str]:
    """Where the picture is not of the annotated size."""
    annotated, size = (image["width"], image["height"]), event.frame.rgb.shape[1::-1]
    if all(annotated) and annotated != size:
        was, now = (f"{width} x {height}" for width, height in (annotated, size))
        yield f"annotated as {was}, the image is {now} (turned by EXIF?): its people stand elsewhere in it"
