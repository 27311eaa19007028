"""Openpose: OpenPose's frame files to a data set of poses and windows.

Who is followed: OpenPose lists the people of a frame in no order that holds, and numbers them (person_id) only
where its tracking was on. So: with numbers in a clip everybody who has one becomes a track of that number, and the
window rule's `person` chooses; without, the person listed first in each frame is person 0, as in MPOSE2021.
"""

from collections.abc import Iterator
from functools import partial
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from posebeam.pipelines.clip import ClipRef
from posebeam.pipelines.imports.imported import import_data, imported_settings
from posebeam.pipelines.imports.tracks import TrackedClip, write_tracks
from posebeam.pipelines.json_value import is_numbers, read_json, shown
from posebeam.pipelines.listing import Listing
from posebeam.pipelines.sources.openpose_json import frame_files
from posebeam.transforms.errors import DecodeError, SourceError
from posebeam.transforms.skeleton import skeleton
from posebeam.transforms.track import SEGMENT, PoseTrack
from posebeam.transforms.windows import WindowRule

_SKELETONS = {25: "body25", 18: "coco18"}
_MOST = 1 << 31  # frames, and people's numbers: what the columns of a data set hold
_LETTERS = 300  # of a reason
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
    files = frame_files(folder)
    if files and files[-1][0] >= _MOST:
        raise DecodeError(f"{files[-1][1].name[-80:]} counts more frames than any clip has")
    frames = [(number, _people(path)) for number, path in files]
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
        people = read_json(path)["people"]
        return [(_person_id(person), _joints(person["pose_keypoints_2d"])) for person in people]
    except (OSError, ValueError, KeyError, TypeError) as error:
        said = f"{type(error).__name__}: {error}"
        raise DecodeError(f"{path.name} is no frame of OpenPose's: {said[:_LETTERS]}") from error


def _person_id(person: Any) -> int:
    """OpenPose writes [-1] for a person without a number."""
    told = person.get("person_id", -1) if isinstance(person, dict) else None
    value = (told or [-1])[0] if isinstance(told, list) else told
    if type(value) is not int or not -1 <= value < _MOST:
        raise TypeError(f"a person with the number {shown(value)}, expected 0, 1, ... or [-1]")
    return value


def _joints(values: Any) -> NDArray[np.float32]:
    """x, y, score of all joints [K, 3]."""
    counts = [3 * joints for joints in _SKELETONS]
    if not isinstance(values, list) or len(values) not in counts:
        count = f"{len(values)} numbers" if isinstance(values, list) else shown(values)
        raise ValueError(f"{count} for a person, expected 75 (BODY_25) or 54 (COCO)")
    if not is_numbers(values, *counts):
        raise ValueError("numbers that are not finite, or no numbers")
    with np.errstate(over="ignore"):
        joints = np.array(values, np.float64).astype(np.float32).reshape(-1, 3)
    if not np.isfinite(joints).all():
        raise ValueError("numbers that are too large to be pixels")
    return joints
