"""Openpose: OpenPose's frame files to a data set of poses and windows.

Who is followed: OpenPose lists the people of a frame in no order that holds, and numbers them (person_id) only
where its tracking was on. So: with numbers in a clip everybody who has one becomes a track of that number, and the
window rule's `person` chooses; without, the person listed first in each frame is person 0, as in MPOSE2021.
"""

import json
from collections.abc import Iterator, Sequence
from functools import partial
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from posebeam.pipelines.clip import ClipRef
from posebeam.pipelines.imports.imported import import_data, imported_settings
from posebeam.pipelines.imports.tracks import TrackedClip, write_tracks
from posebeam.pipelines.listing import Listing
from posebeam.pipelines.sources.openpose_json import frame_files
from posebeam.transforms.errors import DecodeError, SourceError
from posebeam.transforms.skeleton import skeleton
from posebeam.transforms.track import SEGMENT, PoseTrack
from posebeam.transforms.windows import WindowRule

_SKELETONS = {25: "body25", 18: "coco18"}
_PIXELS = 1.5  # coordinates that all lie within this are shares of the picture

Person = tuple[int, NDArray[np.float32]]  # person_id, -1 for none; x, y, score [K, 3]


def import_openpose(
    listing: Listing, skeleton_name: str, rule: WindowRule, out: Path, *, rate: float = 25.0, shards: int = 0
) -> dict[str, Any]:
    """The clips of sources.openpose_json to a data set OUT; returns its manifest.

    rate is the frames a second of the videos, which the files do not tell: it gives the column seconds. A clip
    with a frame that cannot be read becomes a row of rejected.
    """
    settings = imported_settings("openpose-json", "openpose", rule, shards=shards)
    write = partial(write_tracks, partial(_open, skeleton_name), skeleton_name, rate, out)
    return import_data(listing, settings, skeleton_name, out, write)


def _open(skeleton_name: str, ref: ClipRef) -> TrackedClip:
    folder = Path(ref.uri)
    return TrackedClip(len(frame_files(folder)), (0, 0), lambda: read_tracks(ref.clip_id, folder, skeleton_name))


def find_skeleton(listing: Listing) -> str:
    """The skeleton of the first person in the clips; SourceError if there is nobody."""
    for ref in listing.refs:
        for _, path in frame_files(Path(ref.uri)):
            try:
                people = _people(path)
            except DecodeError:
                break
            if people:
                return _SKELETONS[len(people[0][1])]
    raise SourceError("nobody was seen in any frame of any clip: there is nothing to import")


def read_tracks(clip_id: str, folder: Path, skeleton_name: str) -> list[PoseTrack]:
    """The people of one clip, by person and segment; none if nobody was seen.

    DecodeError for frames that cannot be read, and for coordinates that are no pixels.
    """
    frames = [(number, _people(path)) for number, path in frame_files(folder)]
    numbered = any(who >= 0 for _, people in frames for who, _ in people)
    seen: dict[int, dict[int, NDArray[np.float32]]] = {}
    for number, people in frames:
        for who, joints in people if numbered else [(0, joints) for _, joints in people[:1]]:
            if who >= 0 and joints[:, 2].any():
                seen.setdefault(who, {}).setdefault(number, joints)
    tracks = [track for who in sorted(seen) for track in _segments(clip_id, who, seen[who], skeleton_name)]
    if tracks and max(float(np.abs(track.xy).max()) for track in tracks) <= _PIXELS:
        raise DecodeError("coordinates are shares of the picture, expected pixels: OpenPose's --keypoint_scale 0")
    return tracks


def _segments(
    clip_id: str, who: int, held: dict[int, NDArray[np.float32]], skeleton_name: str
) -> Iterator[PoseTrack]:
    """One person's frames as tracks of at most 1,024."""
    joints = len(skeleton(skeleton_name))
    numbers = sorted(held)
    for first in range(0, len(numbers), SEGMENT):
        own = numbers[first : first + SEGMENT]
        if any(len(held[number]) != joints for number in own):
            raise DecodeError(f"a frame holds other keypoints than the {joints} of {skeleton_name}")
        points = np.stack([held[number] for number in own])
        yield PoseTrack(
            clip_id, who, skeleton_name, np.array(own, np.int32), points[..., :2].copy(), points[..., 2]
        )


def _people(path: Path) -> list[Person]:
    """The people in one frame file, in its order."""
    try:
        people = json.loads(path.read_text("utf-8"))["people"]
        return [(_person_id(person), _joints(person["pose_keypoints_2d"])) for person in people]
    except (OSError, ValueError, KeyError, TypeError) as error:
        raise DecodeError(f"{path.name} is no frame of OpenPose's: {type(error).__name__}: {error}") from error


def _person_id(person: dict[str, Any]) -> int:
    """OpenPose writes [-1] for a person without a number."""
    value = person.get("person_id", -1)
    return int(value[0] if isinstance(value, list) else value) if value != [] else -1


def _joints(values: Sequence[float]) -> NDArray[np.float32]:
    """x, y, score of all joints [K, 3]."""
    if len(values) not in {3 * joints for joints in _SKELETONS}:
        raise ValueError(f"{len(values)} numbers for a person, expected 75 (BODY_25) or 54 (COCO)")
    joints = np.array(values, np.float32).reshape(-1, 3)
    if not np.isfinite(joints).all():
        raise ValueError("numbers that are not finite")
    return joints
