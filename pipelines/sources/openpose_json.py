"""OpenposeJson: clips as OpenPose's --write_json leaves them, a folder of frame files a clip."""

import re
from collections import defaultdict
from pathlib import Path

from posebeam.pipelines.listing import Listing
from posebeam.pipelines.sources.placed import (
    SPLIT_NAMES,
    Placed,
    draw,
    group_of,
    group_pattern,
    group_warnings,
)
from posebeam.pipelines.sources.tree import TreeFile, walk
from posebeam.transforms.errors import SourceError

LAYOUT = "<label>/<clip>/ or <split>/<label>/<clip>/ with <name>_000000000000_keypoints.json, a file a frame"
_FRAME = re.compile(r"(?P<name>.*)_(?P<number>\d{6,})_keypoints\.json")


def list_clips(source: Path, *, group: str | None = None, seed: int = 0) -> Listing:
    """The clips of a folder in the layout above; a clip's id is its folder's path.

    group is a regular expression on the id, seed draws the splits where no split folders are: as in
    sources.videos. SourceError for frame files that stand elsewhere, or of two clips in one folder.
    """
    root, pattern = source.absolute(), group_pattern(group)
    tree = walk(root)
    folders: dict[str, list[TreeFile]] = defaultdict(list)
    for file in tree.files:
        if _FRAME.fullmatch(file.name):
            folders["/".join(file.parts[:-1])].append(file)
    if not folders:
        raise SourceError(f"{root}: no frame of OpenPose's in it, expected {LAYOUT}")
    placed = []
    for clip_id, files in folders.items():
        split, label = _place(root, clip_id, files[0])
        _of_one_clip(root, clip_id, files)
        size = sum(file.size for file in files)
        placed.append(Placed(str(root / clip_id), clip_id, label, group_of(clip_id, pattern), split, size))
    refs, told = draw(placed, seed)
    taken = {file.path for files in folders.values() for file in files}
    ignored = sorted({*tree.ignored, *(file.path for file in tree.files)} - taken)
    return Listing(refs, ignored=tuple(ignored), warnings=(*tree.warnings, *group_warnings(placed, group), *told))


def _place(root: Path, clip_id: str, file: TreeFile) -> tuple[str, str]:
    """Split ("" where none is told) and label, by the folders above the clip's."""
    *above, _ = clip_id.split("/") if clip_id else [""]
    split = SPLIT_NAMES.get(above[0].lower(), "") if len(above) == 2 else ""
    if not (len(above) == 1 or split):
        raise SourceError(f"{root}: {file.path} stands where no frame is expected. Expected {LAYOUT}")
    return split, above[-1]


def _of_one_clip(root: Path, clip_id: str, files: list[TreeFile]) -> None:
    names = {match["name"] for file in files if (match := _FRAME.fullmatch(file.name))}
    if len(names) > 1:
        raise SourceError(
            f"{root}: {clip_id} holds frames of {len(names)} clips ({', '.join(sorted(names)[:3])}): "
            f"a folder a clip is needed. Expected {LAYOUT}"
        )


def frame_files(folder: Path) -> list[tuple[int, Path]]:
    """The frame files of a clip's folder with the frames' numbers, in order."""
    found = ((_FRAME.fullmatch(path.name), path) for path in folder.iterdir())
    return sorted((int(match["number"]), path) for match, path in found if match)
