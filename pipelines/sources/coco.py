"""COCO: the images that an annotation file names, with the people it annotates.

Format: https://cocodataset.org/#format-data, person_keypoints_*.json; image_info_*.json names images only.
"""

import os
from pathlib import Path
from typing import Any

import pyarrow as pa

from posebeam.pipelines.clip import ClipRef
from posebeam.pipelines.listing import Listing
from posebeam.pipelines.settings import digest
from posebeam.pipelines.sources.coco_file import LABEL, images, read
from posebeam.pipelines.sources.tree import walk
from posebeam.pipelines.stills.ground_truth import table_of
from posebeam.pipelines.stills.still import SUFFIXES
from posebeam.pipelines.stores.address import address, located
from posebeam.pipelines.stores.mirror import present
from posebeam.transforms.errors import ConfigError, SourceError

_PARTS = {"train": "train", "val": "validation", "test": "test"}


def list_clips(source: str | os.PathLike[str], *, annotations: str | os.PathLike[str]) -> Listing:
    """The images that the annotation file names, below `source`; the people go with them as ground truth.

    All are labelled person; the split is the one in the file's name (train2017, val2017, test-dev2017), or else
    train. A person's entry is kept as it stands, crowds and people without keypoints included.
    SourceError names what is wrong with the file.
    """
    if not str(annotations):
        raise ConfigError("coco needs --annotations person_keypoints_*.json; images without annotations: images")
    root, path = located(source).absolute(), present(located(annotations))
    tree = walk(root)
    files = {file.path: file for file in tree.files}
    dataset = read(path)
    refs, missing, truths = [], [], []
    for image in images(dataset, path):
        name = image["file_name"]
        if name not in files:
            missing.append(name)
            continue
        truths.append(image)
        refs.append(_ref(image, path, address(root / name), files[name].size))
    named = {ref.clip_id for ref in refs}
    others = sorted(files.keys() - named)
    return Listing(
        tuple(refs),
        missing=tuple(missing),
        unlisted=tuple(name for name in others if name.lower().endswith(SUFFIXES)),
        ignored=tuple(sorted([*tree.ignored, *(name for name in others if not name.lower().endswith(SUFFIXES))])),
        warnings=tree.warnings,
        truth=_table(truths, path),
    )


def list_annotated(annotations: Path) -> Listing:
    """Every image that the file names, with its people, as list_clips gives it; no image is looked for."""
    truths = list(images(read(annotations), annotations))
    refs = tuple(_ref(image, annotations, str(annotations), 0) for image in truths)
    return Listing(refs, truth=_table(truths, annotations))


def _ref(image: dict[str, Any], annotations: Path, uri: str, size: int) -> ClipRef:
    name = image["file_name"]
    split = next((part for text, part in _PARTS.items() if text in annotations.stem), "train")
    return ClipRef(uri, name, LABEL, name, split, size, truth=digest(image)[:16])


def _table(truths: list[dict[str, Any]], path: Path) -> pa.Table:
    try:
        return table_of(truths)
    except (pa.ArrowException, TypeError, OverflowError) as error:
        raise SourceError(f"{path}: an entry is not as COCO writes it: {error}") from None
