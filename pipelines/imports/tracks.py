"""Tracks: a shard of clips whose people are known already, to poses, windows, clips and rejected."""

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from functools import partial
from pathlib import Path

import pyarrow as pa

from posebeam.pipelines.clip import ClipRef
from posebeam.pipelines.clip_table import recount, silences
from posebeam.pipelines.job import Job
from posebeam.pipelines.product_file import publish_product
from posebeam.pipelines.publish import workspace
from posebeam.pipelines.receipt import Receipt
from posebeam.pipelines.rewindow import windows_of_poses
from posebeam.pipelines.schema import (
    clip_columns,
    clip_row,
    clips,
    pose_row,
    poses,
    rejected,
    rejected_row,
    windows,
)
from posebeam.pipelines.shard import ShardName
from posebeam.transforms.errors import ClipError
from posebeam.transforms.track import PoseTrack


@dataclass(frozen=True, eq=False)
class TrackedClip:
    """A clip of so many frames of (width, height) pixels, 0 if nobody told.

    read gives its tracks by person and segment; ClipError if it cannot, and the clip is rejected.
    """

    frames: int
    size: tuple[int, int]
    read: Callable[[], Sequence[PoseTrack]]


OpenClip = Callable[[ClipRef], TrackedClip]


def write_tracks(
    open_clip: OpenClip, skeleton_name: str, rate: float, out: Path, job: Job, name: ShardName,
    refs: Sequence[ClipRef],
) -> Receipt:  # fmt: skip
    """Write a shard, a clip at a time, and return its receipt; rate, frames a second, gives the column seconds."""
    refused: list[pa.Table] = []
    told: list[pa.Table] = []
    footer = partial(job.footer, skeleton=skeleton_name)
    with workspace(out) as folder:
        publish = partial(publish_product, out, folder, name)
        seen = _tables(open_clip, rate, job, refs, refused, told)
        files = [publish(poses(), seen, footer("poses"))]
        cut = windows_of_poses(out / files[0].path, job, skeleton_name)
        files.append(publish(windows(job.settings.windows.length), cut, footer("windows")))
        rows = pa.concat_tables([clips().schema.empty_table(), *told])
        counted = recount(rows, out / files[1].path)
        files.append(publish(clips(), [counted], footer("clips")))
        files.append(publish(rejected(), iter(refused), footer("rejected")))
    return Receipt(
        str(name), job.plan_hash, job.refs[str(name)], len(refs) - len(refused), len(refused),
        sum(row["frames"][0].as_py() for row in told),
        warnings=tuple(silences(counted)), files=tuple(files),
    )  # fmt: skip


def _tables(
    open_clip: OpenClip, rate: float, job: Job, refs: Sequence[ClipRef], refused: list[pa.Table],
    told: list[pa.Table],
) -> Iterator[pa.Table]:  # fmt: skip
    """Rows of poses clip by clip; clips that cannot be read go to `refused`, what is known of each to `told`."""
    for ref in refs:
        columns, clip = clip_columns(ref, job.classes), open_clip(ref)
        try:
            tracks = clip.read()
        except ClipError as error:
            refused.append(rejected_row(ref, error))
            told.append(clip_row(columns, clip.frames, rejected=True))
            continue
        told.append(clip_row(columns, clip.frames, len({track.person for track in tracks}), rejected=False))
        segment, last = 0, -1
        for track in tracks:
            segment, last = (segment + 1 if track.person == last else 0), track.person
            yield pose_row(columns, track, segment, clip.size, (track.frames / rate).tolist())
