"""Examples: windows of a data set as strips, drawn from the poses that they were cut of."""

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from matplotlib.figure import Figure

from posebeam.pipelines.read import WindowReader
from posebeam.pipelines.stored import StoredClip, read_clips
from posebeam.transforms.layout import layout
from posebeam.transforms.track import PoseTrack
from posebeam.workflows.report.skeletons import film, positions


@dataclass(frozen=True)
class Place:
    """A window by its clip, its person and the number of its first frame."""

    clip_id: str
    person: int
    start: int


def strips(out: Path, places: Sequence[Place]) -> list[Figure | None]:
    """A strip a window; None for one that OUT does not hold.

    They show the poses in the picture, as they were seen. Where OUT holds windows only, they show the windows'
    own numbers, centred and scaled as the chain left them.
    """
    reader = WindowReader(out)
    clips = read_clips(out, sorted({place.clip_id for place in places}))
    return [
        _of_poses(clips[place.clip_id], place, reader.config)
        if place.clip_id in clips
        else _of_window(reader, place)
        for place in places
    ]


def _of_poses(clip: StoredClip, place: Place, config: dict[str, Any]) -> Figure | None:
    """The person's poses from the window's first frame on, as many as a window has."""
    own = [track for track in clip.tracks if track.person == place.person]
    track = _joined(own)
    if track is None:
        return None
    at = np.flatnonzero(track.frames >= place.start)[: int(config["window"])]
    if not len(at):
        return None
    seen = (track.score[at] >= config["min_score"]) & np.isfinite(track.xy[at]).all(-1)
    return film(track.xy[at], seen, track.skeleton, track.frames[at])


def _joined(tracks: Sequence[PoseTrack]) -> PoseTrack | None:
    """Segments of one person as one."""
    if not tracks:
        return None
    first = tracks[0]
    frames = np.concatenate([track.frames for track in tracks])
    order = np.argsort(frames, kind="stable")
    xy, score = (np.concatenate([getattr(track, name) for track in tracks])[order] for name in ("xy", "score"))
    return PoseTrack(first.clip_id, first.person, first.skeleton_name, frames[order], xy, score)


def _of_window(reader: WindowReader, place: Place) -> Figure | None:
    own = (reader.clips == place.clip_id) & (reader.starts == place.start) & (reader.people == place.person)
    rows = np.flatnonzero(own)[:1]
    if not len(rows):
        return None
    x, valid = reader.take(rows)
    numbers = place.start + np.arange(reader.made.window)
    return film(positions(x[0]), valid[0], layout(reader.made.layout).skeleton, numbers)
