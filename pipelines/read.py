"""WindowReader: the windows of a finished data set, for training and evaluation."""

from collections import OrderedDict
from collections.abc import Sequence
from dataclasses import dataclass
from functools import cached_property
from hashlib import sha256
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
from numpy.typing import NDArray

from posebeam.pipelines.clip_table import SilentClips, read_silent
from posebeam.pipelines.made import Made
from posebeam.pipelines.manifest import FILE, read_manifest
from posebeam.transforms.errors import DataError

MEMORY = 2 << 30  # bytes of windows that are held; a larger data set is read in shuffled row groups

_NO_POSES = "it was built without poses; posebeam build with --backbone NAME makes them"
_ROW_COLUMNS = ["clip_id", "label", "group", "start", "person", "split1", "split2", "split3"]

Ints = NDArray[np.int64]


@dataclass(frozen=True)
class _RowGroup:
    """A row group of one file, and the number of its first row in the whole data set."""

    path: Path
    index: int
    first: int
    rows: int


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
        self._files = [file for file in manifest["files"] if file["product"] == "windows"]
        self._memory = memory
        self._held: OrderedDict[int, tuple[NDArray[np.float32], NDArray[np.bool_]]] = OrderedDict()
        self._groups = self._list_groups()
        self._firsts = np.array([group.first for group in self._groups])
        if not len(self):
            why = "its clips are too short, or nobody was seen in them" if self.made.backbone else _NO_POSES
            raise DataError(f"{out} holds no windows: {why}")

    def __len__(self) -> int:
        return sum(group.rows for group in self._groups)

    def _list_groups(self) -> list[_RowGroup]:
        groups, first = [], 0
        for file in self._files:
            facts = _metadata(self.out / file["path"])
            if facts.num_rows != file["rows"]:
                raise DataError(
                    f"{self.out / file['path']} has {facts.num_rows} rows, its manifest says {file['rows']}: "
                    f"run posebeam check {self.out}"
                )
            for index in range(facts.num_row_groups):
                rows = facts.row_group(index).num_rows
                groups.append(_RowGroup(self.out / file["path"], index, first, rows))
                first += rows
        return groups

    @cached_property
    def _rows(self) -> pa.Table:
        tables = [
            pq.read_table(self.out / file["path"], columns=_ROW_COLUMNS, partitioning=None)
            .replace_schema_metadata()
            .append_column("part", pa.array([file["split"]] * file["rows"], pa.string()))
            for file in self._files
        ]
        return pa.concat_tables(tables)

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

    @cached_property
    def _row_bytes(self) -> int:
        return self.made.window * (52 * 4 + 13)

    def shuffled(self, rows: Ints, rng: np.random.Generator) -> Ints:
        """The rows in a random order that `take` can read without reading anything twice.

        All at random where everything is held; else row groups at random, as many at a time as half the memory
        holds (a batch may straddle two such blocks), and the rows within them at random.
        """
        if len(self) * self._row_bytes <= self._memory:
            return rng.permutation(rows)
        group_of = self._group_of(rows)
        order, blocks, size = rng.permutation(np.unique(group_of)), [[]], 0  # type: ignore[var-annotated]
        for group in order.tolist():
            size += self._groups[group].rows * self._row_bytes
            if 2 * size > self._memory and blocks[-1]:
                blocks.append([])
                size = self._groups[group].rows * self._row_bytes
            blocks[-1].append(group)
        return np.concatenate([rng.permutation(rows[np.isin(group_of, block)]) for block in blocks])

    def _group_of(self, rows: Ints) -> Ints:
        return np.searchsorted(self._firsts, rows, side="right") - 1

    def take(self, rows: Sequence[int] | Ints) -> tuple[NDArray[np.float32], NDArray[np.bool_]]:
        """x float32 [m, length, 52] and valid bool [m, length, 13] of m rows, in the order asked for."""
        rows = np.asarray(rows, np.int64)
        x = np.empty((len(rows), self.made.window, 52), np.float32)
        valid = np.empty((len(rows), self.made.window, 13), bool)
        group_of = self._group_of(rows)
        for group in np.unique(group_of).tolist():
            at = group_of == group
            whole = self._read(group)
            inside = rows[at] - self._groups[group].first
            x[at], valid[at] = whole[0][inside], whole[1][inside]
        return x, valid

    def _read(self, number: int) -> tuple[NDArray[np.float32], NDArray[np.bool_]]:
        if number in self._held:
            self._held.move_to_end(number)
            return self._held[number]
        group = self._groups[number]
        table = pq.ParquetFile(group.path).read_row_group(group.index, columns=["x", "valid"])
        x, valid = (table[name].combine_chunks().flatten() for name in ("x", "valid"))
        self._held[number] = (
            x.to_numpy().reshape(group.rows, self.made.window, 52),
            valid.to_numpy(zero_copy_only=False).reshape(group.rows, self.made.window, 13),
        )
        while len(self._held) > 1 and self.held_bytes > self._memory:
            self._held.popitem(last=False)
        return self._held[number]

    @property
    def held_bytes(self) -> int:
        """Bytes of features that are in memory."""
        return sum(self._groups[number].rows for number in self._held) * self._row_bytes


def _metadata(path: Path) -> pq.FileMetaData:
    try:
        return pq.read_metadata(path)
    except (OSError, pa.ArrowInvalid) as error:
        raise DataError(f"{path} cannot be read: {error}") from error
