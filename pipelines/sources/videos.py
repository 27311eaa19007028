"""Videos: own clips in folders named by label, split as the folders say or by group; or files by name."""

import os
import re
from collections.abc import Sequence
from pathlib import Path

from posebeam.pipelines.listing import Listing
from posebeam.pipelines.sources.pattern import is_pattern, match
from posebeam.pipelines.sources.placed import SPLIT_NAMES, Placed, draw, group_of, group_pattern, group_warnings
from posebeam.pipelines.sources.tree import Tree, TreeFile, is_folder, walk
from posebeam.pipelines.stores.address import address, located
from posebeam.transforms.errors import SourceError

SUFFIXES = (
    ".3gp", ".avi", ".flv", ".m4v", ".mkv", ".mov", ".mp4", ".mpeg", ".mpg", ".webm", ".wmv",
)  # fmt: skip
LAYOUT = f"<label>/<clip> or <split>/<label>/<clip>; splits {', '.join(SPLIT_NAMES)}; {' '.join(SUFFIXES)}"


def list_clips(source: str | os.PathLike[str], *, group: str | None = None, seed: int = 0) -> Listing:
    """The videos of a folder laid out as <label>/<clip> or <split>/<label>/<clip>, of a glob, or one video.

    group is a regular expression, searched in the path relative to source (with /): its first capture group, or
    else the whole match, names what was filmed together; where it matches nothing, a file is its own group.
    Without split folders the groups are dealt 70/15/15 to train, validation and test, drawn by seed.
    A glob (quoted: 'clips/*.mp4') and a single file are labelled by the folder that each file lies in; ids are
    relative to the last folder without a wildcard. A single file is taken whatever its suffix.
    SourceError for another layout, and for a group that stands in two split folders.
    """
    pattern = group_pattern(group)
    root, tree, by_name = _files(source)
    alone = by_name and not is_pattern(source)
    videos = [file for file in tree.files if alone or file.name.lower().endswith(SUFFIXES)]
    if not videos:
        raise SourceError(_no_video(source, tree, by_name))
    split_layout = any(len(file.parts) == 3 and file.parts[0] in SPLIT_NAMES for file in videos)
    placed = [_place(root, file, pattern, split_layout, by_name) for file in videos]
    refs, told = draw(placed, seed)
    ignored = {*tree.ignored, *(file.path for file in tree.files)} - {file.path for file in videos}
    warnings = (*tree.warnings, *group_warnings(placed, group), *(() if alone else told))
    return Listing(refs, ignored=tuple(sorted(ignored)), warnings=warnings)


def expand(sources: Sequence[str]) -> list[Path]:
    """The videos that names and globs stand for, each once, in the order given; relative if those were.

    What a glob matches and is no video is left out; a name is taken at its word. SourceError where one
    stands for no video. Objects in a store are given as the paths that stand for them.
    """
    found: dict[Path, None] = {}
    for source in sources:
        matched = match(located(source))
        paths = [matched.root / file.path for file in matched.tree.files]
        if is_pattern(source):
            paths = [path for path in paths if path.name.lower().endswith(SUFFIXES)]
        if not paths:
            raise SourceError(_no_video(source, matched.tree, True))
        absolute = located(source).is_absolute()
        found |= dict.fromkeys(path if absolute else Path(os.path.relpath(path)) for path in paths)
    return list(found)


def _files(source: str | os.PathLike[str]) -> tuple[Path, Tree, bool]:
    """The folder, what lies in it, and whether the files were named one by one."""
    root = located(source).absolute()
    if is_folder(root):
        return root, walk(root), False
    matched = match(located(source))
    return matched.root, matched.tree, True


def _no_video(source: str | os.PathLike[str], tree: Tree, by_name: bool) -> str:
    folders = [name for name in tree.ignored if name.endswith("/")]
    if by_name and folders:
        return f"{source} matches folders ({folders[0]}), expected videos: name the folder that holds them"
    if by_name:
        return f"{source}: no video, expected {' '.join(SUFFIXES)}"
    return f"{source}: no video in it, expected {LAYOUT}"


def _place(
    root: Path, file: TreeFile, pattern: re.Pattern[str] | None, split_layout: bool, by_name: bool
) -> Placed:
    """Read label and split off the folders; SourceError for a video that stands elsewhere."""
    folders = file.parts[:-1]
    wrong = len(folders) != 1 + split_layout or (folders[0] in SPLIT_NAMES) != split_layout
    if wrong and (split_layout or not by_name):
        layout = "the other clips stand in split folders" if split_layout else "found no <split>/<label>/<clip>"
        raise SourceError(
            f"{root}: the video {file.path} stands where none is expected; {layout}. Expected {LAYOUT}"
        )
    return Placed(
        uri=address(root / file.path),
        clip_id=file.path,
        label=folders[-1] if folders else root.name,
        group=group_of(file.path, pattern),
        split=SPLIT_NAMES[folders[0]] if split_layout else "",
        size=file.size,
    )
