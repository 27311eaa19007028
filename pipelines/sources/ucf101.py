"""UCF101: clips in their class folders, and the three official splits.

Layout and lists: K. Soomro, A. R. Zamir, M. Shah, "UCF101: A Dataset of 101 Human Actions Classes From Videos
in The Wild", CRCV-TR-12-01; the lists are ucfTrainTestlist/{classInd,trainlist0N,testlist0N}.txt.
"""

import os
import re
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

from posebeam.pipelines.clip import ClipRef
from posebeam.pipelines.json_value import shown
from posebeam.pipelines.listing import Listing
from posebeam.pipelines.sources.tree import Tree, TreeFile, walk
from posebeam.pipelines.stores.address import address, located
from posebeam.pipelines.stores.mirror import present
from posebeam.transforms.errors import ConfigError, SourceError

LISTS = "ucfTrainTestlist"
SPLIT_NUMBERS = (1, 2, 3)
_CLASS_LINE = re.compile(r"(\d{1,9})\s+(\S{1,200})")
_CLIP_LINE = re.compile(
    r"(?P<class>[^/\s]{1,200})/(?P<name>v_\S{1,200}_(?P<group>g\d{1,9})_c\d{1,9}\.avi)(?:\s+(?P<number>\d{1,9}))?"
)


@dataclass(frozen=True)
class _Listed:
    """A clip as the lists name it; parts are its places in splits 1, 2, 3."""

    name: str
    label: str
    number: int
    group: str
    parts: tuple[str, ...]


def list_clips(source: str | os.PathLike[str], *, split: int = 1) -> Listing:
    """The clips of the official layout: <Class>/v_*.avi anywhere below `source`, LISTS below or beside it.

    split, 1 to 3, picks the official split that gives ClipRef.split; all three stand in ClipRef.splits.
    SourceError names file and line of a broken list, and says which layout is expected where none is found.
    """
    if split not in SPLIT_NUMBERS:
        raise ConfigError(f"split {split}, UCF101 has the official splits 1, 2 and 3")
    root = located(source).absolute()
    tree = walk(root)
    listed = _read_lists(_find_lists(root, tree))
    clips = [file for file in tree.files if file.name.startswith("v_") and file.name.endswith(".avi")]
    present = _by_key(clips)
    refs = [_ref(root, file, listed[key], split) for key, file in present.items() if key in listed]
    if not refs:
        raise SourceError(_nothing_found(root, clips))
    return Listing(
        refs=tuple(sorted(refs, key=lambda ref: ref.clip_id)),
        missing=tuple(sorted(clip.name for key, clip in listed.items() if key not in present)),
        unlisted=tuple(sorted(file.path for key, file in present.items() if key not in listed)),
        ignored=tuple(sorted({*tree.ignored, *_others(tree, clips)})),
        warnings=tree.warnings,
    )


def _ref(root: Path, file: TreeFile, clip: _Listed, split: int) -> ClipRef:
    return ClipRef(
        uri=address(root / file.path),
        clip_id=file.path,
        label=clip.label,
        group=clip.group,
        split=clip.parts[split - 1],
        size=file.size,
        splits=clip.parts,
        number=clip.number,
    )


def _key(name: str) -> str:
    """<Class>/<file> without case: class HandstandPushups holds clips called v_HandStandPushups_*."""
    return name.casefold()


def _by_key(clips: Sequence[TreeFile]) -> dict[str, TreeFile]:
    present: dict[str, TreeFile] = {}
    for file in clips:
        key = _key("/".join(file.parts[-2:]))
        if key in present:
            raise SourceError(f"the clip is there twice: {present[key].path} and {file.path}; keep one")
        present[key] = file
    return present


def _others(tree: Tree, clips: Sequence[TreeFile]) -> Iterator[str]:
    """Files that are neither clips nor lists."""
    taken = {file.path for file in clips}
    return (file.path for file in tree.files if file.path not in taken and LISTS not in file.parts)


def _nothing_found(root: Path, clips: Sequence[TreeFile]) -> str:
    found = f"{len(clips)} v_*.avi, none as listed (first: {clips[0].path})" if clips else "no v_*.avi"
    return f"{root}: expected <Class>/v_<Class>_gNN_cNN.avi as the lists name them, found {found}"


def _find_lists(root: Path, tree: Tree) -> Path:
    """The folder of the lists: anywhere below the source, or else beside it."""
    below = {file.parts[:-1] for file in tree.files if file.parts[-2:-1] == (LISTS,)}
    if len(below) > 1:
        raise SourceError(f"{root}: {LISTS} is there {len(below)} times: {sorted(map('/'.join, below))}")
    folders = [root.joinpath(*parts) for parts in below] or [root.parent / LISTS]
    if not present(folders[0]).is_dir():
        raise SourceError(f"{root}: expected a folder {LISTS} with the official lists in it or beside it")
    return folders[0]


def _read_lists(folder: Path) -> dict[str, _Listed]:
    """All clips that the lists name, by key. Every clip stands in each split once."""
    numbers = _read_classes(folder / "classInd.txt")
    parts: dict[int, dict[str, str]] = {}
    clips: dict[str, _Listed] = {}
    for split in SPLIT_NUMBERS:
        parts[split] = {}
        for part in ("train", "test"):
            for where, clip in _read_clips(folder / f"{part}list{split:02d}.txt", numbers):
                key = _key(clip.name)
                if key in parts[split]:
                    raise SourceError(f"{where}: {clip.name} stands in split {split} twice")
                parts[split][key] = part
                clips.setdefault(key, clip)
    return {key: _with_parts(clip, key, parts, folder) for key, clip in clips.items()}


def _with_parts(clip: _Listed, key: str, parts: Mapping[int, Mapping[str, str]], folder: Path) -> _Listed:
    absent = [split for split in SPLIT_NUMBERS if key not in parts[split]]
    if absent:
        raise SourceError(f"{folder}: {clip.name} stands in neither list of split {absent[0]}")
    places = tuple(parts[split][key] for split in SPLIT_NUMBERS)
    return _Listed(clip.name, clip.label, clip.number, clip.group, places)


def _read_classes(path: Path) -> dict[str, int]:
    """Class name to the data set's own number."""
    numbers: dict[str, int] = {}
    for where, line in _lines(path):
        match = _CLASS_LINE.fullmatch(line)
        if not match or match[2] in numbers or int(match[1]) in numbers.values():
            raise SourceError(f"{where}: got {shown(line)}, expected <number> <Class>, each once")
        numbers[match[2]] = int(match[1])
    return numbers


def _read_clips(path: Path, numbers: Mapping[str, int]) -> Iterator[tuple[str, _Listed]]:
    """Where each clip stands, and the clip, still without its parts."""
    for where, line in _lines(path):
        match = _CLIP_LINE.fullmatch(line)
        if not match:
            raise SourceError(f"{where}: got {shown(line)}, expected <Class>/v_<Class>_gNN_cNN.avi [number]")
        label, number = match["class"], match["number"]
        if label not in numbers:
            raise SourceError(f"{where}: class {label!r} is not in classInd.txt")
        if number and int(number) != numbers[label]:
            raise SourceError(f"{where}: class number {number}, classInd.txt says {numbers[label]} for {label}")
        yield where, _Listed(f"{label}/{match['name']}", label, numbers[label], match["group"], ())


def _lines(path: Path) -> Iterator[tuple[str, str]]:
    """file:line and the text of every line that is not empty; the official lists end theirs with CR LF."""
    try:
        text = path.read_text("utf-8-sig")
    except OSError as error:
        raise SourceError(f"{path}: {error.strerror}; the official lists hold this file") from None
    except UnicodeDecodeError as error:
        raise SourceError(f"{path}: is no text: {error}") from None
    for number, line in enumerate(text.splitlines(), 1):
        if line.strip():
            yield f"{path}:{number}", line.strip()
