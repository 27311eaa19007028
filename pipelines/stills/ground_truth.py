"""GroundTruth: the annotated people of images, on disk, looked up by the image's name.

Workers read it beside the data set while it is built: references stay small, and an annotation file of a gigabyte
is parsed once.
"""

from collections.abc import Iterable, Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pyarrow as pa

from posebeam.pipelines.publish import WORK, publish, workspace
from posebeam.pipelines.stores.mirror import present, remove

FILE = "ground-truth.arrow"

_PERSON = pa.struct(
    [
        pa.field("id", pa.int64(), nullable=False),
        pa.field("bbox", pa.list_(pa.float64(), 4), nullable=False),
        pa.field("area", pa.float64()),
        pa.field("iscrowd", pa.int8()),
        pa.field("keypoints", pa.list_(pa.float32()), nullable=False),
        pa.field("num_keypoints", pa.int32(), nullable=False),
    ]
)
_SCHEMA = pa.schema(
    [
        pa.field("file_name", pa.string(), nullable=False),
        pa.field("image_id", pa.int64(), nullable=False),
        pa.field("width", pa.int32(), nullable=False),
        pa.field("height", pa.int32(), nullable=False),
        pa.field("people", pa.list_(_PERSON), nullable=False),
    ]
)


def table_of(images: Iterable[Mapping[str, Any]]) -> pa.Table:
    """A row an image: file_name, image_id, width and height as annotated, people as COCO's entries."""
    return pa.Table.from_pylist(list(images), schema=_SCHEMA)


@contextmanager
def truth_of(table: pa.Table | None, out: Path) -> Iterator[None]:
    """While it is open, what was annotated lies where the workers of a build into `out` look for it."""
    path = out / WORK / FILE
    if table is None:
        yield
        return
    with workspace(out) as folder:
        with pa.ipc.new_file(str(folder / FILE), _SCHEMA) as writer:
            writer.write_table(table)
        publish(folder / FILE, path)
    try:
        yield
    finally:
        remove(path)


def size_warnings(clip_id: str, truth: Mapping[str, Any] | None, size: tuple[int, int]) -> list[tuple[str, str]]:
    """What a receipt says of an image whose (width, height) is not as annotated: (clip id, sentence)."""
    annotated = (truth["width"], truth["height"]) if truth else (0, 0)
    if not all(annotated) or annotated == size:
        return []
    was, now = (f"{width} x {height}" for width, height in (annotated, size))
    text = f"annotated as {was}, the image is {now} (turned by EXIF?): its people stand elsewhere in it"
    return [(clip_id, text)]


class GroundTruth:
    """What was annotated in each image of a build; memory-mapped. Without a file nothing was."""

    def __init__(self, out: Path):
        path = present(out / WORK / FILE)
        self._table = pa.ipc.open_file(pa.memory_map(str(path))).read_all() if path.exists() else table_of([])
        names = self._table["file_name"].to_pylist()
        self._rows = {name: number for number, name in enumerate(names)}

    def of(self, clip_id: str) -> dict[str, Any] | None:
        """The image's row as a mapping, None if nothing is known of it."""
        number = self._rows.get(clip_id)
        return None if number is None else self._table.slice(number, 1).to_pylist()[0]
