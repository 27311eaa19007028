"""Mpose: MPOSE2021, 15,429 sequences of 30 frames of 100 people, as its own package stores and returns them.

Facts: github.com/PIC4SeR/MPOSE2021_Dataset. Each of the three official splits is a folder 1, 2, 3 with
X_train.npy, y_train.npy, X_test.npy, y_test.npy and a list N.txt of `id TAB train|test`; the splits deal the same
sequences by actor. X is [n, 30, K, 3] (x, y in pixels, score): K = 25 (OpenPose's BODY_25) or 17 (PoseNet,
MoveNet: COCO). What its preprocessing returns is read too: [n, 30, 13, 4 or 5] and [n, 30, 52].
"""

import re
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from posebeam.pipelines.clip import ClipRef
from posebeam.pipelines.listing import Listing
from posebeam.transforms.chain import FEATURES
from posebeam.transforms.errors import ConfigError, SourceError

# In the order of the labels 0 to 19.
CLASSES = (
    "standing", "check-watch", "cross-arms", "scratch-head", "sit-down", "get-up", "turn", "walk", "wave1", "box",
    "kick", "point", "pick-up", "bend", "hands-clap", "wave2", "jog", "jump", "pjump", "run",
)  # fmt: skip
SPLITS = (1, 2, 3)
PARTS = ("train", "test")
_ARRAYS = ("X_train", "X_test", "y_train", "y_test")
LAYOUT = (
    "an .npz with X_train, y_train, X_test, y_test (and train_ids, test_ids), a split's folder with these as "
    ".npy, or the folder that holds the splits 1, 2 and 3"
)
_MOST = 200  # letters of what another library says of a damaged file: zipfile quotes pages of it
_SKELETONS = {25: "body25", 17: "coco17"}
_ACTOR = re.compile(r"[^_]+_[^_]+(?=_)")  # <data set>_<actor>_<action>_<number>-<first>-<last>


@dataclass(frozen=True, eq=False)
class Mpose:
    """The arrays of one official split: x [n, T, K, C] or [n, T, 52] and y [n] of each part, and ids of all n.

    official gives each id's part in the three splits where all three are there.
    """

    path: Path
    split: int
    x: Mapping[str, NDArray[np.floating]]
    y: Mapping[str, NDArray[np.integer]]
    ids: Mapping[str, Sequence[str]]
    official: Mapping[str, tuple[str, ...]]

    @property
    def shape(self) -> tuple[int, ...]:
        """Of one sequence: [T, K, C] or [T, 52]."""
        return tuple(self.x["train"].shape[1:])

    @property
    def skeleton(self) -> str:
        """What K counts; "" where the arrays are features already."""
        return _SKELETONS.get(self.shape[1], "") if len(self.shape) == 3 else ""

    @property
    def is_features(self) -> bool:
        """Whether the arrays went through the package's own preprocessing."""
        return not self.skeleton


def read_mpose(path: Path, split: int = 1) -> Mpose:
    """The arrays of a split, mapped into memory where the form allows it; SourceError if they are not MPOSE's."""
    if split not in SPLITS:
        raise ConfigError(f"split {split}, MPOSE2021 has the official splits 1, 2 and 3")
    arrays = _arrays(path, split)
    for part in PARTS:
        _check(path, part, arrays[f"X_{part}"], arrays[f"y_{part}"])
    x, y = ({part: arrays[f"{kind}_{part}"] for part in PARTS} for kind in "Xy")
    if x["train"].shape[1:] != x["test"].shape[1:]:
        raise SourceError(f"{path}: X_train is {list(x['train'].shape)}, X_test {list(x['test'].shape)}")
    ids = {part: arrays.get(f"{part}_ids", _numbered(part, len(x[part]))) for part in PARTS}
    _check_ids(path, ids, x)
    return Mpose(path, split, x, y, ids, _official(path))


def _numbered(part: str, n: int) -> list[str]:
    return [f"{part}-{index:05d}" for index in range(n)]


def _arrays(path: Path, split: int) -> dict[str, Any]:
    """Arrays by the names they have in the package, and lists of ids where they are told."""
    if path.suffix == ".npz":
        return _archive(path)
    folder = next((each for each in (path / str(split), path) if (each / "X_train.npy").is_file()), None)
    if folder is None:
        raise SourceError(f"{path}: expected {LAYOUT}")
    lists = sorted(folder.glob("*.txt"))
    return _files(path, folder) | (_read_list(lists[0]) if len(lists) == 1 else {})


def _archive(path: Path) -> dict[str, Any]:
    with _must_be_mpose(path), np.load(path, allow_pickle=False) as file:
        told = {f"{part}_ids": file[f"{part}_ids"].tolist() for part in PARTS if f"{part}_ids" in file}
        return {name: file[name] for name in _ARRAYS} | told


def _files(path: Path, folder: Path) -> dict[str, Any]:
    with _must_be_mpose(path):
        return {name: np.load(folder / f"{name}.npy", "r", allow_pickle=False) for name in _ARRAYS}


@contextmanager
def _must_be_mpose(path: Path) -> Iterator[None]:
    """What damaged bytes raise is told as SourceError: zipfile, zlib, tokenize, ast, numpy each have their own."""
    try:
        yield
    except Exception as error:
        raise SourceError(f"{path} is not MPOSE2021: {str(error)[:_MOST]}; expected {LAYOUT}") from error


def _read_list(path: Path) -> dict[str, list[str]]:
    """Ids of each part, in the order of its array."""
    ids: dict[str, list[str]] = {f"{part}_ids": [] for part in PARTS}
    try:
        lines = path.read_text("utf-8").splitlines()
    except (OSError, UnicodeDecodeError) as error:
        raise SourceError(f"{path} cannot be read as a list of ids: {error}") from error
    for number, line in enumerate(lines, 1):
        name, _, part = line.strip().partition("\t")
        if line.strip() and part not in PARTS:
            raise SourceError(f"{path}:{number}: got {line!r}, expected <id> TAB train or test")
        if line.strip():
            ids[f"{part}_ids"].append(name)
    return ids


def _official(path: Path) -> dict[str, tuple[str, ...]]:
    """Each id's part in splits 1, 2, 3; empty unless all three lists are there and name the same sequences."""
    lists = [path / str(split) / f"{split}.txt" for split in SPLITS]
    if not all(file.is_file() for file in lists):
        return {}
    parts = [{name: part for part in PARTS for name in _read_list(file)[f"{part}_ids"]} for file in lists]
    if any(own.keys() != parts[0].keys() for own in parts):
        raise SourceError(f"{path}: the lists of the three splits do not name the same sequences")
    return {name: tuple(own[name] for own in parts) for name in parts[0]}


def _check(path: Path, part: str, x: Any, y: Any) -> None:
    """SourceError for shapes that MPOSE has not."""
    shape = x.shape[1:]
    raw = len(shape) == 3 and shape[1] in _SKELETONS and shape[2] in (2, 3)
    known = raw or (len(shape) == 3 and shape[1] == 13 and shape[2] in (4, 5)) or shape[1:] == (FEATURES,)
    if x.dtype.kind != "f" or not known or shape[0] < 2:
        raise SourceError(
            f"{path}: X_{part} is {x.dtype} {list(x.shape)}, expected floats [n, 30, K, 3] with K 25 or 17, or "
            "features [n, 30, 13, 4 or 5] or [n, 30, 52]"
        )
    if y.dtype.kind not in "iu" or y.shape != x.shape[:1]:
        raise SourceError(f"{path}: y_{part} is {y.dtype} {list(y.shape)}, expected whole numbers [{len(x)}]")


def _check_ids(path: Path, ids: Mapping[str, Sequence[str]], x: Mapping[str, Any]) -> None:
    """SourceError if the list does not belong to the arrays."""
    for part in PARTS:
        if len(ids[part]) != len(x[part]):
            raise SourceError(f"{path}: {len(ids[part])} ids for {len(x[part])} sequences of X_{part}")
    together = [*ids["train"], *ids["test"]]
    if len(set(together)) != len(together):
        raise SourceError(f"{path}: {len(together) - len(set(together))} ids stand there twice")


def list_clips(mpose: Mpose, classes: Sequence[str] = CLASSES) -> Listing:
    """Every sequence as a clip of its own, as published scores count them; its group is its actor.

    SourceError for a label without a name, or an id that names another action than its label.
    """
    refs = []
    for part in PARTS:
        for name, label in zip(mpose.ids[part], mpose.y[part].tolist(), strict=True):
            if not 0 <= label < len(classes):
                raise SourceError(
                    f"{mpose.path}: {name} has label {label}, names are there for 0 to {len(classes) - 1}"
                )
            actor = _ACTOR.match(name)
            if actor and classes is CLASSES and not name.startswith(f"{actor[0]}_{classes[label]}_"):
                raise SourceError(
                    f"{mpose.path}: {name} is labelled {classes[label]}: list and arrays do not belong together"
                )
            refs.append(
                ClipRef(
                    str(mpose.path), name, classes[label], actor[0] if actor else name, part,
                    int(np.prod(mpose.shape)), mpose.official.get(name, ()), label,
                )
            )  # fmt: skip
    return Listing(tuple(sorted(refs, key=lambda ref: ref.clip_id)))
