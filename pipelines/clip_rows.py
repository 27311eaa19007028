"""ClipRows: what the loop saw of videos, to rows of poses, windows, clips."""

from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass, field
from itertools import groupby
from pathlib import Path
from typing import Any

import pyarrow as pa

from posebeam.models.estimator import Estimator, follower
from posebeam.pipelines.clip import ClipRef
from posebeam.pipelines.clip_table import silences
from posebeam.pipelines.job import Job
from posebeam.pipelines.lockstep import Ended, Event, Seen
from posebeam.pipelines.outcome import Outcome
from posebeam.pipelines.schema import (
    Product,
    clip_columns,
    clip_row,
    clips,
    pose_row,
    poses,
    window_rows,
    windows,
)
from posebeam.pipelines.spool import Key, Spool
from posebeam.transforms.motion import Motion
from posebeam.transforms.track import PoseTrack
from posebeam.transforms.windows import Window


@dataclass(eq=False)
class _ClipState:
    """One clip on its way to rows: frames, and segments and windows a person so far; timestamps that may still
    come out.
    """

    columns: dict[str, Any]
    motion: Motion
    frames: int = 0
    segments: Counter[int] = field(default_factory=Counter)
    windows: Counter[int] = field(default_factory=Counter)
    seconds: dict[int, float] = field(default_factory=dict)
    size: tuple[int, int] = (0, 0)


class ClipRows:
    """Takes the events of one shard's loop, then gives its products."""

    def __init__(self, job: Job, folder: Path, estimator: Estimator, outcome: Outcome):
        self._job = job
        self._estimator = estimator
        self._poses = Spool(folder / "poses.arrow", poses())
        self._windows = Spool(folder / "windows.arrow", windows(job.settings.windows.length))
        self._clips: dict[str, _ClipState] = {}  # on their way
        self._over: dict[str, pa.Table] = {}  # rows of clips
        self._wanted: dict[str, set[int]] = {}  # of the clips that were built: whose windows count
        self._outcome = outcome

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
            self._over[clip_id] = clip_row(clip.columns, clip.frames, rejected=True)

    def _begin(self, ref: ClipRef) -> _ClipState:
        motion = Motion(follower(ref.clip_id, self._estimator), self._job.settings.windows)
        clip = self._clips[ref.clip_id] = _ClipState(clip_columns(ref, self._job.classes), motion)
        return clip

    def _seen(self, clip: _ClipState, event: Seen) -> None:
        clip.frames += 1
        clip.size = event.frame.rgb.shape[1], event.frame.rgb.shape[0]
        clip.seconds[event.frame.number] = event.frame.seconds
        self._add(clip, *clip.motion.push(event.frame.number, event.people))

    def _ended(self, clip: _ClipState, event: Ended) -> None:
        self._add(clip, *clip.motion.finish())
        wanted = {person for person in clip.segments if clip.motion.wants(person)}
        self._wanted[event.ref.clip_id] = wanted
        found = sum(clip.windows[person] for person in wanted)
        row = clip_row(clip.columns, clip.frames, len(clip.segments), found, rejected=False)
        self._over[event.ref.clip_id] = row
        self._outcome.warnings += silences(row)

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
            clip.windows[person] += len(together)
            rows = window_rows(clip.columns, together, self._job.settings.windows.length)
            self._windows.add((together[0].clip_id, person, together[0].start), rows)

    def products(self) -> list[tuple[Product, Any, dict[str, str]]]:
        """Every product with its rows in order and its footer."""
        skeleton = self._estimator.skeleton.name
        return [
            (
                self._poses.product,
                self._poses.tables(lambda key: key[0] in self._wanted),
                self._job.footer("poses", skeleton),
            ),
            (self._windows.product, self._windows.tables(self._counts), self._job.footer("windows", skeleton)),
            (clips(), (self._over[name] for name in sorted(self._over)), self._job.footer("clips", skeleton)),
        ]

    def _counts(self, key: Key) -> bool:
        """Whether a window belongs to the data: of a clip that was built, and of a person who is wanted."""
        return key[1] in self._wanted.get(key[0], ())
