"""Videos: own clips in folders named by label, split as the folders say or by group."""

import os
import re
from collections import Counter, defaultdict
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

from posebeam.pipelines.clip import SPLITS, ClipRef
from posebeam.pipelines.listing import Listing
from posebeam.pipelines.sources.tree import TreeFile, walk
from posebeam.transforms.errors import ConfigError, SourceError
from posebeam.transforms.split import split_groups

SUFFIXES = (".avi", ".mkv", ".mov", ".mp4", ".webm")
SPLIT_FOLDERS = {"train": "train", "val": "validation", "validation": "validation", "test": "test"}
LAYOUT = f"<label>/<clip> or <split>/<label>/<clip>; splits {', '.join(SPLIT_FOLDERS)}; {' '.join(SUFFIXES)}"


@dataclass(frozen=True)
class _Placed:
    """A file with what its place says; split is empty where the folders say nothing of it."""

    file: TreeFile
    label: str
    group: str
    split: str


def list_clips(source: str | os.PathLike[str], *, group: str | None = None, seed: int = 0) -> Listing:
    """The videos of a folder laid out as <label>/<clip> or <split>/<label>/<clip>.

    group is a regular expression, searched in the path relative to source (with /): its first capture group, or
    else the whole match, names what was filmed together; where it matches nothing, a file is its own group.
    Without split folders the groups are dealt 70/15/15 to train, validation and test, drawn by seed.
    SourceError for another layout, and for a group that stands in two split folders.
    """
    pattern = _pattern(group)
    root = Path(source).absolute()
    tree = walk(root)
    videos = [file for file in tree.files if file.name.lower().endswith(SUFFIXES)]
    if not videos:
        raise SourceError(f"{root}: no video in it, expected {LAYOUT}")
    split_layout = any(len(file.parts) == 3 and file.parts[0] in SPLIT_FOLDERS for file in videos)
    placed = [_place(root, file, pattern, split_layout) for file in videos]
    splits = (
        _given(placed) if split_layout else split_groups([(clip.group, clip.label) for clip in placed], seed=seed)
    )
    ignored = {*tree.ignored, *(file.path for file in tree.files)} - {file.path for file in videos}
    return Listing(
        refs=tuple(sorted((_ref(root, clip, splits) for clip in placed), key=lambda ref: ref.clip_id)),
        ignored=tuple(sorted(ignored)),
        warnings=(*tree.warnings, *_group_warnings(placed, group), *_label_warnings(placed, splits, split_layout)),
    )


def _pattern(group: str | None) -> re.Pattern[str] | None:
    try:
        return None if group is None else re.compile(group)
    except re.error as error:
        raise ConfigError(f"--group {group!r} is no regular expression: {error}") from None


def _place(root: Path, file: TreeFile, pattern: re.Pattern[str] | None, split_layout: bool) -> _Placed:
    """Read label and split off the folders; SourceError for a video that stands elsewhere."""
    folders = file.parts[:-1]
    if len(folders) != 1 + split_layout or (folders[0] in SPLIT_FOLDERS) != split_layout:
        layout = "the other clips stand in split folders" if split_layout else "found no <split>/<label>/<clip>"
        raise SourceError(
            f"{root}: the video {file.path} stands where none is expected; {layout}. Expected {LAYOUT}"
        )
    group = _group(file.path, pattern) or file.path
    return _Placed(file, folders[-1], group, SPLIT_FOLDERS[folders[0]] if split_layout else "")


def _group(path: str, pattern: re.Pattern[str] | None) -> str | None:
    match = pattern.search(path) if pattern else None
    if not match:
        return None
    return match[1] if match.re.groups else match[0]


def _given(placed: Sequence[_Placed]) -> dict[str, str]:
    """The split of each group as the folders say; SourceError if they say two."""
    first: dict[str, _Placed] = {}
    for clip in placed:
        other = first.setdefault(clip.group, clip)
        if other.split != clip.split:
            raise SourceError(
                f"group {clip.group!r} stands in two splits: {other.file.path} and {clip.file.path}. "
                "What was filmed together must not be learnt and tested: move one, or change --group"
            )
    return {group: clip.split for group, clip in first.items()}


def _ref(root: Path, clip: _Placed, splits: Mapping[str, str]) -> ClipRef:
    return ClipRef(
        uri=str(root / clip.file.path),
        clip_id=clip.file.path,
        label=clip.label,
        group=clip.group,
        split=splits[clip.group],
        size=clip.file.size,
    )


def _group_warnings(placed: Sequence[_Placed], group: str | None) -> list[str]:
    """Clips that the user's expression did not reach."""
    alone = sum(clip.group == clip.file.path for clip in placed)
    if group is None or not alone:
        return []
    return [f"--group {group!r} matches nothing in {alone} of {len(placed)} paths: each is its own group"]


def _label_warnings(placed: Sequence[_Placed], splits: Mapping[str, str], split_layout: bool) -> list[str]:
    """Labels that lack a part, and why."""
    groups: dict[str, set[str]] = defaultdict(set)
    for clip in placed:
        groups[clip.label].add(clip.group)
    empty = [part for part in SPLITS if part not in splits.values()]
    sentences = [f"no clip at all for {part}" for part in empty]
    for label, members in sorted(groups.items()):
        parts = Counter(splits[group] for group in members)
        lacking = [part for part in SPLITS if not parts[part] and part not in empty]
        if len(members) < 2 and not split_layout:
            sentences.append(f"{label}: only one group, it trains; validation and test need groups of their own")
        elif lacking:
            held = ", ".join(f"{parts[part]} {part}" for part in SPLITS if parts[part])
            sentences.append(f"{label}: no clip for {' or '.join(lacking)} (groups: {held})")
    return sentences
