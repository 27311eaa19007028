"""Product images: a row an image, its own encoded bytes, and the people that were annotated in it."""

import json
from collections.abc import Mapping, Sequence
from typing import Any

import pyarrow as pa

from posebeam.pipelines.schema import CLIP_FIELDS, Product
from posebeam.pipelines.stills.schema import person_fields, person_values

_ROWS, _BYTES = 64, 64 << 20  # of a row group, at most; a picture of more than that stands alone
_NAMES = {"float": "float32", "double": "float64"}  # of arrow's types, as Hugging Face's datasets calls them


def images() -> Product:
    """A row an image, or a frame of a video, which has no image_id and no people.

    clip_id        the image's path; of a frame the video's, # and the frame's number in six digits
    image_id       the annotation file's number, null without one
    width, height  of the picture as it is shown, turned as EXIF says (still.py)
    image          bytes: the file's own, as they are, of a frame JPEG; path: the clip_id
    people         as annotated: annotation_id, bbox, keypoints, num_keypoints, area, iscrowd (see `people` in
                   still_schema.py for units); empty where nobody is
    """
    encoded = [pa.field("bytes", pa.binary()), pa.field("path", pa.string())]
    more = [
        pa.field("image_id", pa.int64()),
        pa.field("width", pa.int32(), nullable=False),
        pa.field("height", pa.int32(), nullable=False),
        pa.field("image", pa.struct(encoded)),  # nullable, though never null: else datasets sees no Image in it
        pa.field("people", pa.list_(pa.struct(person_fields())), nullable=False),
    ]
    return Product("images", pa.schema([*CLIP_FIELDS, *more]), _ROWS, _BYTES)


def image_row(
    clip: Mapping[str, Any],
    clip_id: str,
    image_id: int | None,
    size: tuple[int, int],
    encoded: bytes,
    annotated: Sequence[Mapping[str, Any]],
) -> pa.Table:
    """One row of images; size is (width, height), annotated COCO's entries (ground_truth.py)."""
    row = {
        **clip, "clip_id": clip_id, "image_id": image_id, "width": size[0], "height": size[1],
        "image": {"bytes": encoded, "path": clip_id}, "people": [person_values(one) for one in annotated],
    }  # fmt: skip
    return pa.Table.from_pylist([row], schema=images().schema)


def image_features() -> str:
    """The schema in the words of Hugging Face's datasets, for a file's metadata: `image` opens as a picture."""
    features = {field.name: _feature(field.type) for field in images().schema}
    features["image"] = {"_type": "Image"}
    return json.dumps({"info": {"features": features}})


def _feature(kind: pa.DataType) -> Any:
    """One type; a list of structs is written as a list of one, which all versions of datasets read as such."""
    if pa.types.is_struct(kind):
        return {field.name: _feature(field.type) for field in kind}
    if pa.types.is_fixed_size_list(kind):
        return {"feature": _feature(kind.value_type), "length": kind.list_size, "_type": "Sequence"}
    if pa.types.is_list(kind):
        return [_feature(kind.value_type)]
    return {"dtype": _NAMES.get(str(kind), str(kind)), "_type": "Value"}
