"""WindowReader: the windows of a finished data set, for training and evaluation."""

from collections.abc import Sequence
from functools import cached_property
from hashlib import sha256
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
from numpy.typing import NDArray

from posebeam.pipelines.clip_table import SilentClips, read_silent
from posebeam.pipelines.made import Made
from posebeam.pipelines.manifest import FILE, read_manifest
from posebeam.pipelines.row_group import Ints
from posebeam.pipelines.row_groups import MEMORY, RowGroups, Stored
from posebeam.transforms.errors import DataError

_NO_POSES = "it was built without poses; posebeam build with --backbone NAME makes them"
_ROW_COLUMNS = ["clip_id", "label", "group", "start", "person", "split1", "split2", "split3"]


class WindowReader:
    """All windows of OUT, numbered 0..n-1; rows are told about at once, features read when asked for.

    Holds up to `memory` bytes of features: a data set within it is read once.
    DataError if OUT is unfinished, damaged, or holds no windows.
    """

    def __init__(self, out: Path, memory: int = MEMORY):
        manifest = read_manifest(out)
        self.out = out
        self.digest = sha256((out / FILE).read_bytes()).hexdigest()
        self.classes: tuple[str, ...] = tuple(manifest["classes"])
        self.config: dict[str, Any] = manifest["config"]
        self.made = Made.of(self.config)
        self._manifest = manifest
        files = [file for file in manifest["files"] if file["product"] == "windows"]
        length = self.made.window
        arrays: dict[str, Stored] = {"x": ((length, 52), np.float32), "valid": ((length, 13), np.bool_)}
        self._stored = RowGroups(out, files, arrays, memory)
        if not len(self):
            why = "its clips are too short, or nobody was seen in them" if self.made.backbone else _NO_POSES
            raise DataError(f"{out} holds no windows: {why}")

    def __len__(self) -> int:
        return len(self._stored)

    @cached_property
    def _rows(self) -> pa.Table:
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

    @cached_property
    def starts(self) -> Ints:
        """[n] frame numbers at which the windows start."""
        return self._rows["start"].to_numpy().astype(np.int64)

    @cached_property
    def people(self) -> Ints:
        """[n] numbers of the people whose windows they are, within their clip."""
        return self._rows["person"].to_numpy().astype(np.int64)

    def parts(self, split: int = 0) -> NDArray[np.object_]:
        """[n] train, validation or test; by an official split (1, 2, 3), or (0) as the files are named."""
        column = self._rows[f"split{split}" if split else "part"]
        if column.null_count:
            raise DataError(f"{self.out} has no official split {split}: leave the split out")
        return column.to_numpy()

    @cached_property
    def silent(self) -> SilentClips | None:
        """The clips that gave no window; None if the data set does not tell of them."""
        return read_silent(self.out, self._manifest)

    def shuffled(self, rows: Ints, rng: np.random.Generator) -> Ints:
        """The rows in a random order that `take` can read without reading anything twice (see RowGroups)."""
        return self._stored.shuffled(rows, rng)

    def take(self, rows: Sequence[int] | Ints) -> tuple[NDArray[np.float32], NDArray[np.bool_]]:
        """x float32 [m, length, 52] and valid bool [m, length, 13] of m rows, in the order asked for."""
        x, valid = self._stored.take(rows)
        return x, valid

    @property
    def held_bytes(self) -> int:
        """Bytes of features that are in memory."""
        return self._stored.held_bytes
