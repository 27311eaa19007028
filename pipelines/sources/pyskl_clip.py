"""PysklClip: one annotation of a skeleton pickle, checked before its joints are read."""

from dataclasses import dataclass
from pathlib import Path
from typing import Any

from posebeam.pipelines.pickles.stored_array import StoredArray
from posebeam.transforms.errors import SourceError

_MOST = 1 << 31  # frames, and pixels a side: what the columns of a data set hold
_CLASSES = 100_000


@dataclass(frozen=True, eq=False)
class SkeletonClip:
    """xy [M, T, K, 2] in pixels and score [M, T, K], still in the file; size is (width, height), 0 if not told.

    people are the numbers of the M people.
    """

    name: str
    label: int
    size: tuple[int, int]
    xy: StoredArray
    score: StoredArray
    people: tuple[int, ...]

    @property
    def frames(self) -> int:
        """T."""
        return self.xy.shape[1]


def clip_of(path: Path, number: int, one: Any, ours: bool) -> SkeletonClip:
    """The annotation of this number; ours tells the numbers of its people. SourceError says what is wrong."""
    if type(one) is not dict:
        raise SourceError(f"{path}: annotation {number} is a {type(one).__name__}, expected a dict")
    where = f"{path}: annotation {number}"
    name = _name(where, one.get("frame_dir"))
    where = f"{path}: {name!r}"
    xy, score = _arrays(where, one)
    frames = one.get("total_frames", xy.shape[1])
    if type(frames) is not int or frames != xy.shape[1]:
        raise SourceError(f"{where} has {_shown(frames)} for total_frames and joints of {xy.shape[1]} frames")
    label = one.get("label")
    if type(label) is not int or not 0 <= label < _CLASSES:
        raise SourceError(f"{where} has the label {_shown(label)}, expected 0, 1, ...")
    people = _people(where, one.get("person") if ours else None, xy.shape[0])
    return SkeletonClip(name, label, _size(where, one), xy, score, people)


def _shown(value: Any) -> str:
    """A value as an error shows it: what is nested is named only."""
    return repr(value)[:80] if value is None or type(value) in (int, str, float, bool) else type(value).__name__


def _name(where: str, name: Any) -> str:
    """A clip's name is a relative path, as ids of clips are."""
    if type(name) is not str or not name or not name.isprintable():
        raise SourceError(f"{where} has the frame_dir {_shown(name)}, expected the clip's name")
    if name.startswith("/") or ".." in name.split("/"):
        raise SourceError(f"{where} has the frame_dir {name!r}, expected a name or a relative path")
    return name


def _arrays(where: str, one: dict[Any, Any]) -> tuple[StoredArray, StoredArray]:
    xy, score = one.get("keypoint"), one.get("keypoint_score")
    if not isinstance(xy, StoredArray) or not xy.is_built:
        raise SourceError(f"{where} has no array keypoint: Kinetics' joints, in files of their own, are not read")
    shape, kinds = xy.shape, xy.dtype.kind
    if len(shape) == 4 and shape[3] == 3:
        raise SourceError(f"{where} has joints {list(shape)} of three dimensions, expected x and y in pixels")
    if not isinstance(score, StoredArray) or not score.is_built:
        raise SourceError(f"{where} has no array keypoint_score")
    if len(shape) != 4 or shape[3] != 2 or shape[1] < 1 or score.shape != shape[:3]:
        raise SourceError(
            f"{where} has joints {list(shape)}, scores {list(score.shape)}, expected [M, T, V, 2] and [M, T, V]"
        )
    if {kinds, score.dtype.kind} - set("fiu") or shape[1] >= _MOST:
        raise SourceError(f"{where} has joints of {xy.dtype} with scores of {score.dtype}, expected numbers")
    return xy, score


def _size(where: str, one: dict[Any, Any]) -> tuple[int, int]:
    """(width, height) of img_shape, which is (height, width) or (height, width, channels)."""
    shape = one.get("img_shape") or one.get("original_shape") or (0, 0)
    fits = type(shape) in (tuple, list) and len(shape) in (2, 3)
    if not fits or any(type(side) is not int or not 0 <= side < _MOST for side in shape):
        raise SourceError(f"{where} has the img_shape {_shown(shape)}, expected (height, width)")
    return shape[1], shape[0]


def _people(where: str, told: Any, count: int) -> tuple[int, ...]:
    """Numbers of the people: those told, else their places."""
    if told is None:
        return tuple(range(count))
    if type(told) is not list or any(type(who) is not int or not 0 <= who < _MOST for who in told):
        raise SourceError(f"{where} has {_shown(told)} for person, expected a list of numbers")
    if len(told) != count or len(set(told)) != count:
        raise SourceError(f"{where} has {len(told)} numbers ({len(set(told))} different) for {count} people")
    return tuple(told)
