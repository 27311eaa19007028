"""Products: the Parquet schemas of a data set, and rows for them."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import pyarrow as pa

from posebeam.pipelines.clip import ClipRef
from posebeam.transforms.errors import ClipError
from posebeam.transforms.track import PoseTrack
from posebeam.transforms.windows import Window

# Of all that is on disk: plan.json, manifest.json and the footer of every file say it. It rises when a column
# goes, is renamed, or comes to mean something else. A new one raises nothing: readers ask by name.
VERSION = "1"

CLIP_FIELDS = [
    pa.field("clip_id", pa.string(), nullable=False),
    pa.field("label", pa.int32(), nullable=False),
    pa.field("label_name", pa.string(), nullable=False),
    pa.field("class_number", pa.int32()),
    pa.field("group", pa.string(), nullable=False),
    pa.field("split1", pa.string()),
    pa.field("split2", pa.string()),
    pa.field("split3", pa.string()),
]


@dataclass(frozen=True)
class Product:
    """A folder of shards: its name, the rows' schema, rows and (0: however many) bytes in a row group."""

    name: str
    schema: pa.Schema
    row_group: int
    row_group_bytes: int = 0


def poses() -> Product:
    """A row a segment of a track: frames and seconds [T], xy [T, K, 2] and score [T, K] flattened.

    xy is in source pixels of a width x height frame; seconds is the time of each frame in its clip.
    """
    segment = [
        pa.field("person", pa.int32(), nullable=False),
        pa.field("segment", pa.int32(), nullable=False),
        pa.field("width", pa.int32(), nullable=False),
        pa.field("height", pa.int32(), nullable=False),
        pa.field("frames", pa.list_(pa.int32()), nullable=False),
        pa.field("seconds", pa.list_(pa.float32()), nullable=False),
        pa.field("xy", pa.list_(pa.float32()), nullable=False),
        pa.field("score", pa.list_(pa.float32()), nullable=False),
    ]
    return Product("poses", pa.schema([*CLIP_FIELDS, *segment]), 64)


def windows(length: int) -> Product:
    """A row a window: x [length, 52] and valid [length, 13] flattened."""
    window = [
        pa.field("x", pa.list_(pa.float32(), length * 52), nullable=False),
        pa.field("valid", pa.list_(pa.bool_(), length * 13), nullable=False),
        pa.field("person", pa.int32(), nullable=False),
        pa.field("start", pa.int32(), nullable=False),
    ]
    return Product("windows", pa.schema([*window, *CLIP_FIELDS]), 1024)


def clips() -> Product:
    """A row a clip, built or rejected, so that one without a window is not forgotten.

    frames were read of it, people are tracked in it (their segments stand in poses), windows were cut of it.
    """
    found = [pa.field(name, pa.int32(), nullable=False) for name in ("frames", "people", "windows")]
    return Product(
        "clips", pa.schema([*CLIP_FIELDS, *found, pa.field("rejected", pa.bool_(), nullable=False)]), 1024
    )


def rejected() -> Product:
    """A row a clip that gave nothing, with the stage and the reason."""
    names = ("clip_id", "label_name", "group", "stage", "reason")
    return Product("rejected", pa.schema([pa.field(name, pa.string(), nullable=False) for name in names]), 1024)


def clip_columns(ref: ClipRef, classes: Sequence[str]) -> dict[str, Any]:
    """What every row says of its clip. The label is the index into the sorted classes of the training split."""
    splits = ref.splits or (None, None, None)
    return {
        "clip_id": ref.clip_id,
        "label": classes.index(ref.label),
        "label_name": ref.label,
        "class_number": ref.number,
        "group": ref.group,
        "split1": splits[0],
        "split2": splits[1],
        "split3": splits[2],
    }


def pose_row(
    clip: Mapping[str, Any],
    track: PoseTrack,
    segment: int,
    size: tuple[int, int],
    seconds: Sequence[float],
) -> pa.Table:
    """One row of poses; size is (width, height) of the frames."""
    row = {
        **clip, "person": track.person, "segment": segment, "width": size[0], "height": size[1],
        "frames": track.frames, "seconds": seconds, "xy": track.xy.ravel(), "score": track.score.ravel(),
    }  # fmt: skip
    return pa.Table.from_pylist([row], schema=poses().schema)


def window_rows(clip: Mapping[str, Any], found: Sequence[Window], length: int) -> pa.Table:
    """Rows of windows of one clip, in order."""
    schema, n = windows(length).schema, len(found)
    x = np.concatenate([window.x.ravel() for window in found]) if n else np.zeros(0, np.float32)
    valid = np.concatenate([window.valid.ravel() for window in found]) if n else np.zeros(0, bool)
    columns = {
        "x": pa.FixedSizeListArray.from_arrays(pa.array(x, pa.float32()), length * 52),
        "valid": pa.FixedSizeListArray.from_arrays(pa.array(valid, pa.bool_()), length * 13),
        "person": pa.array([window.person for window in found], pa.int32()),
        "start": pa.array([window.start for window in found], pa.int32()),
        **{field.name: pa.array([clip[field.name]] * n, field.type) for field in CLIP_FIELDS},
    }
    return pa.table([columns[field.name] for field in schema], schema=schema)


def clip_row(
    clip: Mapping[str, Any], frames: int, people: int = 0, windows: int = 0, *, rejected: bool
) -> pa.Table:
    """One row of clips."""
    found = {"frames": frames, "people": people, "windows": windows, "rejected": rejected}
    return pa.Table.from_pylist([{**clip, **found}], schema=clips().schema)


def rejected_row(ref: ClipRef, error: ClipError) -> pa.Table:
    """One row of rejected."""
    row = {
        "clip_id": ref.clip_id, "label_name": ref.label, "group": ref.group,
        "stage": error.stage, "reason": error.reason,
    }  # fmt: skip
    return pa.Table.from_pylist([row], schema=rejected().schema)


def track_of(row: Mapping[str, Any], skeleton_name: str, joints: int) -> PoseTrack:
    """A row of poses back to the record."""
    frames = np.asarray(row["frames"], np.int32)
    return PoseTrack(
        clip_id=row["clip_id"],
        person=row["person"],
        skeleton_name=skeleton_name,
        frames=frames,
        xy=np.asarray(row["xy"], np.float32).reshape(len(frames), joints, 2),
        score=np.asarray(row["score"], np.float32).reshape(len(frames), joints),
    )
