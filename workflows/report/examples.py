"""Examples: windows of a data set as motions, from the poses that they were cut of."""

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from posebeam.pipelines.manifest import read_manifest
from posebeam.pipelines.plan import read_plan
from posebeam.pipelines.read import WindowReader
from posebeam.pipelines.stored import StoredClip, read_clips
from posebeam.transforms.layout import layout
from posebeam.transforms.skeleton import Skeleton
from posebeam.transforms.windows import WindowRule
from posebeam.workflows.action.samples import Reader
from posebeam.workflows.report.place import Place
from posebeam.workflows.report.skeletons import positions

_RATE = 25.0  # frames a second where nothing tells


@dataclass(frozen=True, eq=False)
class Motion:
    """A window of a person's: xy [T, K, 2] in frames numbered [T], which joints were seen [T, K], frames a second.

    In pixels where it comes from poses, else in the chain's torso lengths. Of a frame without the person nothing
    was seen.
    """

    skeleton: Skeleton
    numbers: NDArray[np.int64]
    xy: NDArray[np.float32]
    seen: NDArray[np.bool_]
    rate: float


def motions(out: Path, places: Sequence[Place]) -> list[Motion | None]:
    """A motion a window; None for one that OUT does not hold.

    They are of the poses in the picture, as they were seen. Where OUT holds windows only, they are the windows'
    own numbers, centred and scaled as the chain left them. Of a data set of features nothing can be shown.
    """
    held = {file["product"] for file in read_manifest(out)["files"]}
    reader = WindowReader(out) if "windows" in held else None
    found = zip(places, poses_of(out, places), strict=True)
    return [poses if poses else _of_window(reader, place) for place, poses in found]


def poses_of(out: Path, places: Sequence[Place]) -> list[Motion | None]:
    """The poses that windows were cut of; None for one of which OUT holds none."""
    clips = read_clips(out, sorted({place.clip_id for place in places}))
    rule = WindowRule(**read_plan(out)["settings"]["windows"]) if clips else None
    return [
        _cut(clips[place.clip_id], place, rule) if rule and place.clip_id in clips else None for place in places
    ]


def _cut(clip: StoredClip, place: Place, rule: WindowRule) -> Motion | None:
    """The person's poses in the window's frames: those from its first one on that the rule counts."""
    own = [track for track in clip.tracks if track.person == place.person]
    if not own:
        return None
    numbers = np.concatenate([track.frames for track in own]).astype(np.int64)
    xy, score = (np.concatenate([getattr(track, name) for track in own]) for name in ("xy", "score"))
    seen = (score >= rule.min_score) & np.isfinite(xy).all(-1)
    counted = numbers < place.start + rule.length if rule.gaps == "keep" else seen.any(1)
    order = np.argsort(numbers, kind="stable")
    order = order[(counted & (numbers >= place.start))[order]][: rule.length]
    if not len(order):
        return None
    at = numbers[order] - place.start if rule.gaps == "keep" else np.arange(len(order))
    shown = place.start + np.arange(rule.length) if rule.gaps == "keep" else _onward(numbers[order], rule.length)
    full_xy = np.zeros((rule.length, *xy.shape[1:]), xy.dtype)
    full_seen = np.zeros((rule.length, *seen.shape[1:]), bool)
    full_xy[at], full_seen[at] = xy[order], seen[order]
    return Motion(own[0].skeleton, shown, full_xy, full_seen, _rate(clip))


def _onward(numbers: NDArray[np.int64], length: int) -> NDArray[np.int64]:
    """Numbers [length]: past those that there are they go on, one by one."""
    return np.concatenate((numbers, numbers[-1] + 1 + np.arange(length - len(numbers))))


def _rate(clip: StoredClip) -> float:
    """Frames a second, by the times of a clip's first and last frames."""
    first, last = min(clip.seconds), max(clip.seconds)
    passed = clip.seconds[last] - clip.seconds[first]
    return (last - first) / passed if passed > 0 else _RATE


def _of_window(reader: WindowReader | None, place: Place) -> Motion | None:
    if reader is None:
        return None
    rows = reader_rows(reader, [place])
    if not len(rows):
        return None
    (x,), (valid,) = reader.take(rows)
    numbers = place.start + np.arange(reader.made.window)
    rate = reader.config.get("fps") or _RATE
    return Motion(layout(reader.made.layout).skeleton, numbers, positions(x), valid, rate)


def reader_rows(reader: Reader, places: Sequence[Place]) -> NDArray[np.int64]:
    """Rows of a reader, of those places that it holds."""
    known = {key: row for row, key in enumerate(zip(reader.clips, reader.people, reader.starts, strict=True))}
    rows = [known.get((place.clip_id, place.person, place.start)) for place in places]
    return np.array([row for row in rows if row is not None], np.int64)
