"""Examples: windows of a data set as strips, drawn from the poses that they were cut of."""

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from matplotlib.figure import Figure
from numpy.typing import NDArray

from posebeam.pipelines.manifest import read_manifest
from posebeam.pipelines.plan import read_plan
from posebeam.pipelines.read import WindowReader
from posebeam.pipelines.stored import StoredClip, read_clips
from posebeam.transforms.layout import layout
from posebeam.transforms.skeleton import Skeleton
from posebeam.transforms.windows import WindowRule
from posebeam.workflows.report.skeletons import film, positions


@dataclass(frozen=True)
class Place:
    """A window by its clip, its person and the number of its first frame."""

    clip_id: str
    person: int
    start: int


@dataclass(frozen=True, eq=False)
class Poses:
    """A person's xy [T, K, 2] in the pixels of the frames numbered [T], and which joints were seen [T, K]."""

    skeleton: Skeleton
    numbers: NDArray[np.int32]
    xy: NDArray[np.float32]
    seen: NDArray[np.bool_]


def strips(out: Path, places: Sequence[Place]) -> list[Figure | None]:
    """A strip a window; None for one that OUT does not hold.

    They show the poses in the picture, as they were seen. Where OUT holds windows only, they show the windows'
    own numbers, centred and scaled as the chain left them. Of a data set of features nothing can be shown.
    """
    held = {file["product"] for file in read_manifest(out)["files"]}
    reader = WindowReader(out) if "windows" in held else None
    found = zip(places, poses_of(out, places), strict=True)
    return [
        film(poses.xy, poses.seen, poses.skeleton, poses.numbers) if poses else _of_window(reader, place)
        for place, poses in found
    ]


def poses_of(out: Path, places: Sequence[Place]) -> list[Poses | None]:
    """The poses that windows were cut of; None for one of which OUT holds none."""
    clips = read_clips(out, sorted({place.clip_id for place in places}))
    rule = WindowRule(**read_plan(out)["settings"]["windows"]) if clips else None
    return [
        _cut(clips[place.clip_id], place, rule) if rule and place.clip_id in clips else None for place in places
    ]


def _cut(clip: StoredClip, place: Place, rule: WindowRule) -> Poses | None:
    """The person's poses in the window's frames: those from its first one on that the rule counts."""
    own = [track for track in clip.tracks if track.person == place.person]
    if not own:
        return None
    numbers = np.concatenate([track.frames for track in own])
    xy, score = (np.concatenate([getattr(track, name) for track in own]) for name in ("xy", "score"))
    seen = (score >= rule.min_score) & np.isfinite(xy).all(-1)
    counted = numbers < place.start + rule.length if rule.gaps == "keep" else seen.any(1)
    order = np.argsort(numbers, kind="stable")
    order = order[(counted & (numbers >= place.start))[order]][: rule.length]
    return Poses(own[0].skeleton, numbers[order], xy[order], seen[order]) if len(order) else None


def _of_window(reader: WindowReader | None, place: Place) -> Figure | None:
    if reader is None:
        return None
    own = (reader.clips == place.clip_id) & (reader.starts == place.start) & (reader.people == place.person)
    rows = np.flatnonzero(own)[:1]
    if not len(rows):
        return None
    (x,), (valid,) = reader.take(rows)
    numbers = place.start + np.arange(reader.made.window)
    return film(positions(x), valid, layout(reader.made.layout).skeleton, numbers)
