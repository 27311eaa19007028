"""Products of a shard: frames to people to rows to files to a receipt."""

from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from functools import partial
from itertools import groupby
from pathlib import Path
from typing import Any

import pyarrow as pa

from posebeam.models.estimator import Estimator, follower
from posebeam.pipelines.clip import ClipRef
from posebeam.pipelines.decode import open_clip, probe
from posebeam.pipelines.job import Job
from posebeam.pipelines.lockstep import Ended, Event, Failed, Fill, Seen, lockstep, slots_for
from posebeam.pipelines.prefetch import Prefetch
from posebeam.pipelines.progress import Reporter
from posebeam.pipelines.publish import file_sha256, publish, workspace
from posebeam.pipelines.receipt import FileFacts, Receipt
from posebeam.pipelines.schema import (
    Product,
    clip_columns,
    pose_row,
    poses,
    rejected,
    rejected_row,
    window_rows,
    windows,
)
from posebeam.pipelines.shard import ShardName, write_parquet
from posebeam.pipelines.spool import Key, Spool
from posebeam.transforms.motion import Motion
from posebeam.transforms.track import PoseTrack
from posebeam.transforms.windows import Window


def build_shard(
    job: Job, name: ShardName, refs: Sequence[ClipRef], estimator: Estimator, reporter: Reporter
) -> Receipt:
    """Decode, estimate, window and write one shard; its receipt is written last and returned."""
    out, settings = Path(job.out), job.settings
    longest_first = sorted(refs, key=lambda ref: (-probe(ref.uri), ref.clip_id))
    slots = slots_for(len(refs), settings.poses.batch_size, 2 if estimator.device_kind == "cuda" else 1)
    share = job.frame_bytes // (2 * slots)
    fill, halvings = Fill(), estimator.halvings
    with workspace(out) as folder:
        rows = _Rows(job, folder, estimator)
        events = lockstep(longest_first, partial(_open, job, share), estimator, slots, fill)
        for event in events:
            rows.take(event)
            _report(event, reporter)
        files = tuple(_publish(out, folder, name, *product) for product in rows.products())
    receipt = Receipt(
        shard=str(name),
        plan=job.plan_hash,
        refs=job.refs[str(name)],
        built=rows.built,
        rejected=len(rows.rejected),
        frames=rows.frames,
        steps=fill.steps,
        slots=fill.slots,
        not_finite=rows.not_finite,
        halvings=estimator.halvings - halvings,
        warnings=tuple(sorted(rows.warnings)),
        files=files,
    )
    receipt.write(out)
    reporter.count("shards")
    return receipt


def _open(job: Job, share: int, ref: ClipRef) -> Prefetch:
    fps = job.settings.poses.fps or None
    return Prefetch(partial(open_clip, ref.uri, fps=fps), share, job.stall_seconds)


def _report(event: Event, reporter: Reporter) -> None:
    if isinstance(event, Seen):
        reporter.count("frames")
    else:
        reporter.count("clips")
        reporter.count("rejected", int(isinstance(event, Failed)))


def _publish(
    out: Path, folder: Path, name: ShardName, product: Product, tables: Any, footer: Mapping[str, str]
) -> FileFacts:
    unfinished, final = folder / f"{product.name}.parquet", out / name.file(product.name)
    rows = write_parquet(unfinished, product, tables, footer)
    facts = FileFacts(
        name.file(product.name), product.name, rows, unfinished.stat().st_size, file_sha256(unfinished)
    )
    publish(unfinished, final)
    return facts


@dataclass(eq=False)
class _ClipState:
    """One clip on its way to rows: segments a person so far, timestamps of frames that may still come out."""

    columns: dict[str, Any]
    motion: Motion
    segments: Counter[int] = field(default_factory=Counter)
    seconds: dict[int, float] = field(default_factory=dict)
    size: tuple[int, int] = (0, 0)


class _Rows:
    """Events of the loop to rows of poses, windows and rejected."""

    def __init__(self, job: Job, folder: Path, estimator: Estimator):
        self._job = job
        self._estimator = estimator
        self._poses = Spool(folder / "poses.arrow", poses())
        self._windows = Spool(folder / "windows.arrow", windows(job.settings.windows.length))
        self._clips: dict[str, _ClipState] = {}
        self._wanted: dict[str, set[int]] = {}  # of the clips that were built: whose windows count
        self.rejected: dict[str, pa.Table] = {}
        self.warnings: list[tuple[str, str]] = []
        self.built = self.frames = self.not_finite = 0

    def take(self, event: Event) -> None:
        """Take in one event."""
        clip_id = event.ref.clip_id
        clip = self._clips[clip_id] if clip_id in self._clips else self._begin(event.ref)
        if isinstance(event, Seen):
            self._seen(clip, event)
            return
        del self._clips[clip_id]
        if isinstance(event, Ended):
            self._ended(clip, event)
        else:
            self.rejected[clip_id] = rejected_row(event.ref, event.error)

    def _begin(self, ref: ClipRef) -> _ClipState:
        motion = Motion(follower(ref.clip_id, self._estimator), self._job.settings.windows)
        clip = self._clips[ref.clip_id] = _ClipState(clip_columns(ref, self._job.classes), motion)
        return clip

    def _seen(self, clip: _ClipState, event: Seen) -> None:
        self.frames += 1
        clip.size = event.frame.rgb.shape[1], event.frame.rgb.shape[0]
        clip.seconds[event.frame.number] = event.frame.seconds
        self._add(clip, *clip.motion.push(event.frame.number, event.people))

    def _ended(self, clip: _ClipState, event: Ended) -> None:
        self._add(clip, *clip.motion.finish())
        self._wanted[event.ref.clip_id] = {person for person in clip.segments if clip.motion.wants(person)}
        self.built += 1
        self.not_finite += event.not_finite
        self.warnings += [(event.ref.clip_id, text) for text in event.report.warnings]

    def _add(self, clip: _ClipState, tracks: Sequence[PoseTrack], found: Sequence[Window]) -> None:
        for track in tracks:
            seconds = [clip.seconds[number] for number in track.frames.tolist()]
            segment = clip.segments[track.person]
            row = pose_row(clip.columns, track, segment, clip.size, seconds)
            self._poses.add((track.clip_id, track.person, segment), row)
            clip.segments[track.person] += 1
        if tracks:
            first = clip.motion.held_from
            clip.seconds = {number: at for number, at in clip.seconds.items() if number >= first}
        for person, own in groupby(found, key=lambda window: window.person):
            together = list(own)
            rows = window_rows(clip.columns, together, self._job.settings.windows.length)
            self._windows.add((together[0].clip_id, person, together[0].start), rows)

    def products(self) -> list[tuple[Product, Any, dict[str, str]]]:
        """Every product with its rows in order and its footer."""
        skeleton = self._estimator.skeleton.name
        refused = [self.rejected[clip_id] for clip_id in sorted(self.rejected)]
        return [
            (
                self._poses.product,
                self._poses.tables(lambda key: key[0] in self._wanted),
                self._job.footer("poses", skeleton),
            ),
            (self._windows.product, self._windows.tables(self._counts), self._job.footer("windows", skeleton)),
            (rejected(), iter(refused), self._job.footer("rejected", skeleton)),
        ]

    def _counts(self, key: Key) -> bool:
        """Whether a window belongs to the data: of a clip that was built, and of a person who is wanted."""
        return key[1] in self._wanted.get(key[0], ())
