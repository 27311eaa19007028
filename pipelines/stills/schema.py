"""Products of stills: poses with a column norm13, and the people that were annotated."""

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
import pyarrow as pa
from numpy.typing import NDArray

from posebeam.pipelines.schema import Product, poses
from posebeam.transforms.people import People

# COCO counts pixels from 0 at the first one's middle; posebeam's 0 is the frame's corner.
HALF_PIXEL = 0.5


def still_poses() -> Product:
    """A row a person of an image: the columns of `poses` with one frame, and more.

    image_id        the annotation file's number of the image, null without one
    box             x0, y0, x1, y1 in source pixels
    person_score    how sure the backbone is of the person, as coco-eval takes it; where it says nothing of
                    persons, the mean score of the joints seen
    norm13, valid13 [13, 2] and [13] flattened: the chain's per-frame steps, joints centred and scaled
    """
    more = [
        pa.field("image_id", pa.int64()),
        pa.field("box", pa.list_(pa.float32(), 4), nullable=False),
        pa.field("person_score", pa.float32(), nullable=False),
        pa.field("norm13", pa.list_(pa.float32(), 26), nullable=False),
        pa.field("valid13", pa.list_(pa.bool_(), 13), nullable=False),
    ]
    return Product("poses", pa.schema([*poses().schema, *more]), 1024)


def people() -> Product:
    """A row an annotated person: keypoints [17, 3] flattened, x and y in source pixels as in `poses`, which is
    COCO's number plus 0.5, and COCO's v: 0 not labelled (then x = y = 0), 1 hidden, 2 seen.

    bbox is x, y, width, height in source pixels, area in square pixels, as annotated.
    """
    fields = [
        pa.field("clip_id", pa.string(), nullable=False),
        pa.field("image_id", pa.int64(), nullable=False),
        pa.field("annotation_id", pa.int64(), nullable=False),
        pa.field("width", pa.int32(), nullable=False),
        pa.field("height", pa.int32(), nullable=False),
        pa.field("keypoints", pa.list_(pa.float32(), 51), nullable=False),
        pa.field("num_keypoints", pa.int32(), nullable=False),
        pa.field("bbox", pa.list_(pa.float64(), 4), nullable=False),
        pa.field("area", pa.float64()),
        pa.field("iscrowd", pa.bool_(), nullable=False),
    ]
    return Product("people", pa.schema(fields), 1024)


def person_fields() -> list[pa.Field]:
    """A person as annotated, inside a row of images; units as in `people`."""
    names = ("annotation_id", "bbox", "keypoints", "num_keypoints", "area", "iscrowd")
    return [people().schema.field(name) for name in names]


def person_values(one: Mapping[str, Any]) -> dict[str, Any]:
    """The same of one of COCO's entries (ground_truth.py)."""
    return {
        "annotation_id": one["id"], "bbox": one["bbox"], "keypoints": _keypoints(one["keypoints"]),
        "num_keypoints": one["num_keypoints"], "area": one["area"], "iscrowd": bool(one["iscrowd"]),
    }  # fmt: skip


def still_rows(
    clip: Mapping[str, Any],
    image_id: int | None,
    size: tuple[int, int],
    seen: People,
    sure: NDArray[np.floating],
    norm13: tuple[NDArray[np.float64], NDArray[np.bool_]],
) -> pa.Table:
    """Rows of poses of one image; size is (width, height), sure [P], norm13 is [P, 13, 2] and valid [P, 13]."""
    rows = [
        {
            **clip, "person": person, "segment": 0, "width": size[0], "height": size[1], "frames": [0],
            "seconds": [0.0], "xy": seen.xy[person].ravel(), "score": score, "image_id": image_id,
            "box": seen.boxes[person], "person_score": sure[person],
            "norm13": norm13[0][person].astype(np.float32).ravel(), "valid13": norm13[1][person],
        }
        for person, score in enumerate(seen.score)
    ]  # fmt: skip
    return pa.Table.from_pylist(rows, schema=still_poses().schema)


def people_rows(
    clip_id: str, image_id: int, size: tuple[int, int], annotated: Sequence[Mapping[str, Any]]
) -> pa.Table:
    """Rows of people of one image, from COCO's entries (ground_truth.py)."""
    rows = [
        {
            "clip_id": clip_id, "image_id": image_id, "width": size[0], "height": size[1], **person_values(one)
        }
        for one in annotated
    ]  # fmt: skip
    return pa.Table.from_pylist(rows, schema=people().schema)


def _keypoints(flat: Sequence[float]) -> NDArray[np.float32]:
    """COCO's 51 numbers, or none, to 51 in source pixels."""
    points = np.array(flat or np.zeros(51), np.float32).reshape(17, 3)
    points[points[:, 2] > 0, :2] += HALF_PIXEL
    return points.ravel()
