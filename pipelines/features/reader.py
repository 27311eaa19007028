"""FeatureReader: the features of a finished data set's clips, for training and evaluation."""

from functools import cached_property
from hashlib import sha256
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from posebeam.pipelines.clip_table import SilentClips, read_silent
from posebeam.pipelines.features.made import FeaturesMade
from posebeam.pipelines.manifest import FILE, read_manifest
from posebeam.pipelines.row_group import Ints
from posebeam.pipelines.row_groups import MEMORY, RowGroups, Stored
from posebeam.transforms.errors import DataError

_ROW_COLUMNS = ["clip_id", "label", "group", "split1", "split2", "split3"]


class FeatureReader:
    """All rows of OUT's features, numbered 0..n-1, a clip each; told about and read as WindowReader does windows.

    DataError if OUT is unfinished, damaged, or holds no features.
    """

    def __init__(self, out: Path, memory: int = MEMORY):
        manifest = read_manifest(out)
        self.out = out
        self.digest = sha256((out / FILE).read_bytes()).hexdigest()
        self.classes: tuple[str, ...] = tuple(manifest["classes"])
        self.config: dict[str, Any] = manifest["config"]
        self.made = FeaturesMade.of(self.config, str(out))
        self._manifest = manifest
        arrays: dict[str, Stored] = {"features": (self.made.shape, np.float32), "length": ((), np.int32)}
        files = [file for file in manifest["files"] if file["product"] == "features"]
        self._stored = RowGroups(out, files, arrays, memory)
        if not len(self):
            raise DataError(f"{out} holds no row of features: none of its clips could be read")

    def __len__(self) -> int:
        return len(self._stored)

    @cached_property
    def _rows(self) -> Any:
        return self._stored.columns(_ROW_COLUMNS)

    @cached_property
    def labels(self) -> Ints:
        """[n] indices into `classes`."""
        return self._rows["label"].to_numpy().astype(np.int64)

    @cached_property
    def clips(self) -> NDArray[np.object_]:
        """[n] clip ids."""
        return self._rows["clip_id"].to_numpy()

    @cached_property
    def groups(self) -> NDArray[np.object_]:
        """[n] names of the groups that must stay on one side of a split."""
        return self._rows["group"].to_numpy()

    @property
    def starts(self) -> Ints:
        """[n] numbers of the first frames: 0."""
        return np.zeros(len(self), np.int64)

    @property
    def people(self) -> Ints:
        """[n] whose features they are: nobody's in particular, 0."""
        return np.zeros(len(self), np.int64)

    def parts(self, split: int = 0) -> NDArray[np.object_]:
        """[n] train, validation or test; by an official split (1, 2, 3), or (0) as the files are named."""
        column = self._rows[f"split{split}" if split else "part"]
        if column.null_count:
            raise DataError(f"{self.out} has no official split {split}: leave the split out")
        return column.to_numpy()

    @cached_property
    def silent(self) -> SilentClips | None:
        """The clips that could not be read."""
        return read_silent(self.out, self._manifest, "rejected")

    def shuffled(self, rows: Ints, rng: np.random.Generator) -> Ints:
        """The rows in a random order that `take` can read without reading anything twice."""
        return self._stored.shuffled(rows, rng)

    def take(self, rows: Ints) -> tuple[NDArray[np.float32], NDArray[np.bool_]]:
        """features float32 [m, 20, F] and which frames are real, bool [m, 20], of m rows, in order."""
        found, length = self._stored.take(rows)
        return found, np.arange(found.shape[1]) < length[:, None]

    @property
    def held_bytes(self) -> int:
        """Bytes of features that are in memory."""
        return self._stored.held_bytes
