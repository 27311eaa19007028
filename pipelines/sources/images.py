"""Images: the pictures below a folder, and the videos whose frames are pictures too."""

import os
from pathlib import Path

from posebeam.pipelines.clip import ClipRef
from posebeam.pipelines.listing import Listing
from posebeam.pipelines.sources.pattern import match
from posebeam.pipelines.sources.placed import SPLIT_NAMES
from posebeam.pipelines.sources.tree import Tree, is_folder, walk
from posebeam.pipelines.sources.videos import SUFFIXES as VIDEOS
from posebeam.pipelines.stills.still import SUFFIXES
from posebeam.pipelines.stores.address import address, located
from posebeam.transforms.errors import SourceError


def list_clips(source: str | os.PathLike[str]) -> Listing:
    """The images and videos below a folder however deep, of a glob, or one of them.

    Each is labelled by the folder it lies in and is its own group, a video with all its frames. Below train/,
    val/, validation/ or test/ it belongs to that split, elsewhere to train: nothing is drawn, for nothing learns
    from stills by group.
    """
    root = located(source).absolute()
    root, tree = (root, walk(root)) if is_folder(root) else _matched(located(source))
    images = [file for file in tree.files if file.name.lower().endswith((*SUFFIXES, *VIDEOS))]
    if not images:
        raise SourceError(f"{source}: no image in it, expected {' '.join(SUFFIXES)}, or videos")
    refs = [
        ClipRef(
            uri=address(root / file.path),
            clip_id=file.path,
            label=file.parts[-2] if len(file.parts) > 1 else root.name,
            group=file.path,
            split=SPLIT_NAMES.get(file.parts[0], "train") if len(file.parts) > 1 else "train",
            size=file.size,
        )
        for file in images
    ]
    others = {file.path for file in tree.files} - {file.path for file in images}
    return Listing(tuple(refs), ignored=tuple(sorted({*tree.ignored, *others})), warnings=tree.warnings)


def _matched(source: str | os.PathLike[str]) -> tuple[Path, Tree]:
    matched = match(source)
    return matched.root, matched.tree
