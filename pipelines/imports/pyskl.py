"""Pyskl: a skeleton pickle of PYSKL's or MMAction2's to a data set of poses and windows.

Who is followed: place m of an annotation's M people is person m (an export of ours tells their numbers). Where
the file was made without tracking, as PYSKL's script for own videos does, a place holds the mth detection of each
frame, and a track may jump from one person to another: nothing in the file tells.
"""

from collections.abc import Iterator
from functools import partial
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from posebeam.pipelines.clip import ClipRef
from posebeam.pipelines.imports.imported import SEEN, import_data, imported_settings
from posebeam.pipelines.imports.tracks import TrackedClip, write_tracks
from posebeam.pipelines.listing import Listing
from posebeam.pipelines.sources.pyskl import Pyskl
from posebeam.pipelines.sources.pyskl_clip import SkeletonClip
from posebeam.transforms.errors import DecodeError
from posebeam.transforms.track import SEGMENT, PoseTrack
from posebeam.transforms.windows import WindowRule


def import_pyskl(
    pyskl: Pyskl, listing: Listing, rule: WindowRule, out: Path, *, rate: float = 25.0, split: int = 1,
    shards: int = 0,
) -> dict[str, Any]:  # fmt: skip
    """The clips listed of a file to a data set OUT; returns its manifest.

    rate is the frames a second of the videos, which the file does not tell: it gives the column seconds. split is
    the official one by which the clips are listed, where there are some. A clip with joints that are not finite
    becomes a row of rejected. One clip's joints are in memory at a time.
    """
    settings = imported_settings("pyskl", "pyskl", rule, split, shards)
    open_clip = partial(_open, pyskl)
    write = partial(write_tracks, open_clip, pyskl.skeleton, rate, out)
    return import_data(listing, settings, pyskl.skeleton, out, write)


def min_score_of(pyskl: Pyskl) -> float:
    """Below which score a joint is missing: as an export of ours tells, else only what was not found at all."""
    return SEEN if pyskl.min_score is None else pyskl.min_score


def _open(pyskl: Pyskl, ref: ClipRef) -> TrackedClip:
    clip = pyskl.clips[ref.clip_id]
    return TrackedClip(clip.frames, clip.size, lambda: read_tracks(clip, pyskl.skeleton))


def read_tracks(clip: SkeletonClip, skeleton_name: str) -> list[PoseTrack]:
    """The people of one clip by number and segment. A frame in which no joint of a person has a score above 0 is
    one without that person: so the format says it. DecodeError for numbers that are not finite.
    """
    if not clip.people:
        return []
    try:
        with np.errstate(over="ignore"):
            xy, score = clip.xy.read().astype(np.float32), clip.score.read().astype(np.float32)
    except ValueError as error:
        raise DecodeError(f"its joints cannot be read: {error}") from error
    seen = np.any(score > 0, axis=-1)  # [M, T]
    if not (np.isfinite(xy).all() and np.isfinite(score).all()):
        raise DecodeError("joints or scores that are not finite")
    places = sorted(range(len(clip.people)), key=clip.people.__getitem__)
    return [
        PoseTrack(clip.name, clip.people[place], skeleton_name, frames, xy[place, frames], score[place, frames])
        for place in places
        for frames in _segments(seen[place])
    ]


def _segments(seen: NDArray[np.bool_]) -> Iterator[NDArray[np.int32]]:
    """The frames [T] with a person, as stretches of at most 1,024."""
    frames = np.flatnonzero(seen).astype(np.int32)
    for first in range(0, len(frames), SEGMENT):
        yield frames[first : first + SEGMENT]
