"""Pyskl: skeleton data sets as PYSKL and MMAction2 pickle them: clips by name, their joints, their splits.

Facts: github.com/kennymckormick/pyskl, tools/data/README.md. A dict of `split` (name: list of clips) and
`annotations`, or the bare list of annotations, each a dict: frame_dir (the clip's name), label, total_frames,
img_shape (height, width), keypoint [M, T, V, 2] in pixels, keypoint_score [M, T, V]. Exports of posebeam add the
key `posebeam` with what the format has no place for (export_pyskl.py), and `person` to each annotation.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

from posebeam.pipelines.listing import Listing
from posebeam.pipelines.pickles.plain import read_plain_pickle
from posebeam.pipelines.sources.placed import Placed, draw, group_of, group_pattern, group_warnings
from posebeam.pipelines.sources.pyskl_clip import SkeletonClip, clip_of
from posebeam.pipelines.sources.pyskl_splits import Splits
from posebeam.transforms.errors import ConfigError, SourceError
from posebeam.transforms.skeleton import SKELETONS

LAYOUT = (
    "PYSKL's dict of 'split' and 'annotations', or a list of annotations, with frame_dir, label, img_shape, "
    "keypoint [M, T, V, 2] and keypoint_score [M, T, V]"
)
RECORD = "posebeam"  # the key of what we add
_SKELETONS = {17: "coco17", 18: "coco18"}  # by V; 25 joints are NTU's or OpenPose's


@dataclass(frozen=True, eq=False)
class Pyskl:
    """A file: its clips in its order, its splits, its skeleton, and what an export of ours told of the rest."""

    path: Path
    clips: Mapping[str, SkeletonClip]
    splits: Splits
    skeleton: str
    classes: tuple[str, ...]
    groups: Mapping[str, str]
    min_score: float | None


def read_pyskl(path: Path) -> Pyskl:
    """What the file says, checked; the joints stay in it. SourceError if it is not PYSKL's, or does not fit."""
    content = read_plain_pickle(path)
    whole = content if type(content) is dict else {"annotations": content}
    annotations = whole.get("annotations")
    if type(annotations) is not list or not annotations:
        raise SourceError(f"{path} holds no list of annotations, expected {LAYOUT}")
    record = whole.get(RECORD)
    record = record if type(record) is dict else {}
    clips: dict[str, SkeletonClip] = {}
    for number, one in enumerate(annotations):
        clip = clip_of(path, number, one, bool(record))
        if clips.setdefault(clip.name, clip) is not clip:
            raise SourceError(f"{path}: two annotations are of {clip.name!r}")
    groups, classes, least = (record.get(name) for name in ("groups", "classes", "min_score"))
    return Pyskl(
        path, clips, Splits.of(path, whole.get("split")), _skeleton(path, clips, record),
        tuple(classes) if type(classes) is list and _texts(classes) else (),
        groups if type(groups) is dict and _texts([*groups, *groups.values()]) else {},
        float(least) if type(least) is float and least >= 0 else None,
    )  # fmt: skip


def _texts(values: Sequence[Any]) -> bool:
    return all(type(value) is str and value.isprintable() for value in values)


def _skeleton(path: Path, clips: Mapping[str, SkeletonClip], record: Mapping[str, Any]) -> str:
    """The skeleton that the record names, or that has as many joints as the file; the same in every clip."""
    counts = {clip.xy.shape[2] for clip in clips.values()}
    told = record.get("skeleton")
    name = told if type(told) is str else _SKELETONS.get(min(counts), "")
    if len(counts) > 1 or name not in SKELETONS or len(SKELETONS[name]) not in counts:
        raise SourceError(
            f"{path} holds {' and '.join(map(str, sorted(counts)[:3]))} joints a person"
            f"{f' and says {told[:40]!r}' if type(told) is str else ''}, expected 17 (COCO) or 18 (OpenPose's) "
            "in every clip"
        )
    return name


def list_clips(
    pyskl: Pyskl, *, classes: Sequence[str] = (), protocol: str = "", group: str | None = None, seed: int = 0
) -> Listing:
    """Every annotation as a clip; those that the protocol's splits do not name are unlisted.

    classes are names in the order of the labels; without any here or in the file they are class-000, class-001.
    protocol is what the names of splits share: xsub of xsub_train and xsub_val, 1 of train1 and test1. Without
    splits in the file clips are drawn by seed, as in sources.videos, and group is a regular expression on names.
    """
    parts, missing = pyskl.splits.parts(protocol, pyskl.clips)
    names, pattern = _names(pyskl, classes), group_pattern(group)
    taken = [clip for clip in pyskl.clips.values() if not parts or clip.name in parts]
    if not taken:
        raise SourceError(f"{pyskl.path}: its splits name no clip of its annotations")
    placed = [
        Placed(
            str(pyskl.path), clip.name, names[clip.label],
            group_of(clip.name, pattern) if pattern else pyskl.groups.get(clip.name, clip.name),
            parts.get(clip.name, ""), clip.xy.payload.size + clip.score.payload.size,
        )
        for clip in taken
    ]  # fmt: skip
    refs, told = draw(placed, seed)
    official = pyskl.splits.official(pyskl.clips)
    return Listing(
        tuple(
            replace(ref, splits=official.get(ref.clip_id, ()), number=pyskl.clips[ref.clip_id].label)
            for ref in refs
        ),
        missing=missing,
        unlisted=tuple(sorted(pyskl.clips.keys() - {clip.name for clip in taken})),
        warnings=(*group_warnings(placed, group), *told),
    )


def _names(pyskl: Pyskl, classes: Sequence[str]) -> Sequence[str]:
    """The names of the labels 0, 1, ...; made ones sort as the labels do."""
    most = max(clip.label for clip in pyskl.clips.values())
    names = tuple(classes) or pyskl.classes
    if not names:
        width = max(3, len(str(most)))
        return [f"class-{label:0{width}d}" for label in range(most + 1)]
    if len(set(names)) != len(names) or len(names) <= most:
        raise ConfigError(
            f"got {len(names)} class names ({len(set(names))} different), {pyskl.path} has labels up to {most}"
        )
    return names
