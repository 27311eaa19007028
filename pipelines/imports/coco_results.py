"""CocoResults: keypoint results as pycocotools reads them, with the annotations, to a data set of images.

It is what `build coco` makes: poses with norm13, the annotated people, the results again. No image is looked for.
"""

from collections import defaultdict
from collections.abc import Mapping, Sequence
from functools import partial
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
from numpy.typing import NDArray

from posebeam.pipelines.clip import ClipRef
from posebeam.pipelines.coco.entries import read_results
from posebeam.pipelines.coco.results import PERSON
from posebeam.pipelines.imports.imported import SEEN, import_data, imported_settings
from posebeam.pipelines.job import Job
from posebeam.pipelines.product_file import publish_product
from posebeam.pipelines.publish import workspace
from posebeam.pipelines.receipt import Receipt
from posebeam.pipelines.schema import clip_columns, rejected
from posebeam.pipelines.shard import ShardName
from posebeam.pipelines.sources.coco import list_annotated
from posebeam.pipelines.stills.schema import HALF_PIXEL, people, people_rows, still_poses, still_rows
from posebeam.transforms.chain import chain
from posebeam.transforms.errors import SourceError
from posebeam.transforms.people import People
from posebeam.transforms.windows import WindowRule

Entry = Mapping[str, Any]


def import_results(
    path: Path, annotations: Path, out: Path, *, min_score: float = SEEN, chain_name: str = "act",
    layout_name: str = "act13-coco", shards: int = 0,
) -> dict[str, Any]:  # fmt: skip
    """The results at `path`, of images that the annotation file names, to a data set OUT; returns its manifest.

    A person's score is the result's. The third number of a joint is its score where it is 0..1 in the whole file;
    else (flags, values before a sigmoid) a joint counts as seen, 1, if it is above 0. The box is the result's, or
    else lies around the joints seen. Results without a person stay images without one. Both files are held in
    memory. SourceError says which entry is wrong.
    """
    listing = list_annotated(annotations)
    images = {row["file_name"]: row for row in (listing.truth.to_pylist() if listing.truth else ())}
    entries = read_results(path, {row["image_id"] for row in images.values()})
    if strangers := {one["category_id"] for one in entries} - {PERSON}:
        raise SourceError(f"{path}: results of category {min(strangers)}, expected persons only ({PERSON})")
    found = _people_of(path, entries)
    settings = imported_settings(
        "coco",
        "coco-results",
        WindowRule(min_score=min_score, chain=chain_name, layout=layout_name),
        shards=shards,
    )
    return import_data(listing, settings, "coco17", out, partial(_write_shard, images, found, out))


def _people_of(path: Path, entries: Sequence[Entry]) -> dict[int, tuple[People, NDArray[np.float32]]]:
    """By image its people, in the order of the file, and how sure each is [P]."""
    own: dict[int, list[Entry]] = defaultdict(list)
    for one in entries:
        own[one["image_id"]].append(one)
    scored = all(0 <= value <= 1 for one in entries for value in one["keypoints"][2::3])
    return {number: _people(path, number, held, scored) for number, held in own.items()}


def _people(path: Path, number: int, held: Sequence[Entry], scored: bool) -> tuple[People, NDArray[np.float32]]:
    """The people of one image in source pixels: COCO's numbers and half a pixel."""
    points = np.array([one["keypoints"] for one in held], np.float64).reshape(-1, 17, 3)
    xy, third = points[..., :2] + HALF_PIXEL, points[..., 2]
    score = third if scored else (third > 0).astype(np.float64)
    boxes = np.stack([_box(one, *person) for one, *person in zip(held, xy, score, strict=True)])
    with np.errstate(over="ignore"):
        sure = np.array([one["score"] for one in held], np.float64).astype(np.float32)
        seen = People("coco17", xy.astype(np.float32), score.astype(np.float32), boxes.astype(np.float32))
    if not all(np.isfinite(values).all() for values in (seen.xy, seen.boxes, sure)):
        raise SourceError(f"{path}: image {number} has numbers that are too large to be pixels or scores")
    return seen, sure


def _box(one: Entry, xy: NDArray[np.float64], score: NDArray[np.float64]) -> NDArray[np.float64]:
    """x0, y0, x1, y1."""
    if "bbox" in one:
        x, y, width, height = one["bbox"]
        return np.array([x, y, x + width, y + height], np.float64)
    around = xy[score > 0] if (score > 0).any() else xy
    return np.concatenate([around.min(0), around.max(0)])


def _write_shard(
    images: Mapping[str, dict[str, Any]], found: Mapping[int, tuple[People, NDArray[np.float32]]], out: Path,
    job: Job, name: ShardName, refs: Sequence[ClipRef],
) -> Receipt:  # fmt: skip
    footer = partial(job.footer, skeleton="coco17")
    truths = [images[ref.clip_id] for ref in refs]
    with workspace(out) as folder:
        publish = partial(publish_product, out, folder, name)
        poses = (
            _rows(ref, truth, *found[truth["image_id"]], job)
            for ref, truth in zip(refs, truths, strict=True)
            if truth["image_id"] in found
        )
        annotated = (
            people_rows(truth["file_name"], truth["image_id"], _size(truth), truth["people"]) for truth in truths
        )
        files = (
            publish(still_poses(), poses, footer("poses")),
            publish(people(), annotated, footer("people")),
            publish(rejected(), iter(()), footer("rejected")),
        )
    return Receipt(str(name), job.plan_hash, job.refs[str(name)], len(refs), 0, len(refs), files=files)


def _size(truth: Mapping[str, Any]) -> tuple[int, int]:
    return truth["width"], truth["height"]


def _rows(ref: ClipRef, truth: Mapping[str, Any], seen: People, sure: NDArray[np.float32], job: Job) -> pa.Table:
    """Rows of poses of one image; person_score is the file's."""
    rule = job.settings.windows
    valid = seen.score >= rule.min_score
    xy13, valid13 = chain(rule.chain).norm13(
        seen.xy[:, None], valid[:, None], source="coco17", layout_name=rule.layout
    )
    columns, norm13 = clip_columns(ref, job.classes), (xy13[:, 0], valid13[:, 0])
    return still_rows(columns, truth["image_id"], _size(truth), seen, sure, norm13)
