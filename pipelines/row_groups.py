"""RowGroups: rows of one product of a finished data set, for training; in memory, or in shuffled pieces of it."""

from collections import OrderedDict
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from math import prod
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
from numpy.typing import NDArray

from posebeam.transforms.errors import DataError

MEMORY = 2 << 30  # bytes of rows that are held; a larger data set is read in shuffled row groups

Ints = NDArray[np.int64]
Stored = tuple[tuple[int, ...], type[np.generic]]  # the shape of a row's numbers, and their kind


@dataclass(frozen=True)
class _RowGroup:
    """A row group of one file, and the number of its first row in the whole data set."""

    path: Path
    index: int
    first: int
    rows: int


class RowGroups:
    """Rows of files numbered 0..n-1, which hold arrays: columns of numbers, or flat lists of them.

    files are those of a manifest; an array is a shape a row and a dtype. Holds up to `memory` bytes of arrays:
    what is within it is read once. DataError if a file is gone, damaged, or has another number of rows than its
    manifest says.
    """

    def __init__(
        self, out: Path, files: Sequence[Mapping[str, Any]], arrays: Mapping[str, Stored], memory: int = MEMORY
    ):
        self._out, self._files, self._arrays, self._memory = out, files, arrays, memory
        self._held: OrderedDict[int, tuple[NDArray[Any], ...]] = OrderedDict()
        self._groups = self._list_groups()
        self._firsts = np.array([group.first for group in self._groups])
        self._row_bytes = sum(prod(shape) * np.dtype(kind).itemsize for shape, kind in arrays.values())

    def __len__(self) -> int:
        return sum(group.rows for group in self._groups)

    def _list_groups(self) -> list[_RowGroup]:
        groups, first = [], 0
        for file in self._files:
            path = self._out / file["path"]
            facts = _metadata(path)
            if facts.num_rows != file["rows"]:
                raise DataError(
                    f"{path} has {facts.num_rows} rows, its manifest says {file['rows']}: "
                    f"run posebeam check {self._out}"
                )
            for index in range(facts.num_row_groups):
                rows = facts.row_group(index).num_rows
                groups.append(_RowGroup(path, index, first, rows))
                first += rows
        return groups

    def columns(self, names: Sequence[str]) -> pa.Table:
        """Other columns of all rows, and `part`: the split that their file is named by."""
        tables = [
            pq.read_table(self._out / file["path"], columns=list(names), partitioning=None)
            .replace_schema_metadata()
            .append_column("part", pa.array([file["split"]] * file["rows"], pa.string()))
            for file in self._files
        ]
        return pa.concat_tables(tables)

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

    def take(self, rows: Sequence[int] | Ints) -> tuple[NDArray[Any], ...]:
        """Each of the arrays [m, *shape] of m rows, in the order asked for."""
        rows = np.asarray(rows, np.int64)
        group_of = self._group_of(rows)
        taken: tuple[NDArray[Any], ...] = tuple(
            np.empty((len(rows), *shape), dtype) for shape, dtype in self._arrays.values()
        )
        for group in np.unique(group_of).tolist():
            at = group_of == group
            inside = rows[at] - self._groups[group].first
            for whole, held in zip(taken, self._read(group), strict=True):
                whole[at] = held[inside]
        return taken

    def _read(self, number: int) -> tuple[NDArray[Any], ...]:
        if number in self._held:
            self._held.move_to_end(number)
            return self._held[number]
        group = self._groups[number]
        table = pq.ParquetFile(group.path).read_row_group(group.index, columns=list(self._arrays))
        self._held[number] = tuple(
            _numbers(table[name]).reshape(group.rows, *shape) for name, (shape, _) in self._arrays.items()
        )
        while len(self._held) > 1 and self.held_bytes > self._memory:
            self._held.popitem(last=False)
        return self._held[number]

    @property
    def held_bytes(self) -> int:
        """Bytes of arrays that are in memory."""
        return sum(self._groups[number].rows for number in self._held) * self._row_bytes


def _numbers(column: pa.ChunkedArray) -> NDArray[Any]:
    """All numbers of a column of numbers or of lists of them, one after the other."""
    whole = column.combine_chunks()
    flat = whole.flatten() if pa.types.is_fixed_size_list(whole.type) else whole
    return np.asarray(flat.to_numpy(zero_copy_only=False))


def _metadata(path: Path) -> pq.FileMetaData:
    try:
        return pq.read_metadata(path)
    except (OSError, pa.ArrowInvalid) as error:
        raise DataError(f"{path} cannot be read: {error}") from error
