"""RowGroups: rows of one product of a finished data set, for training; in memory, or in shuffled pieces of it."""

from collections import OrderedDict
from collections.abc import Mapping, Sequence
from math import prod
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
from numpy.typing import NDArray

from posebeam.pipelines.row_group import Ints, firsts_of, group_of, list_groups, random_order, read_columns

MEMORY = 2 << 30  # bytes of rows that are held; a larger data set is read in shuffled row groups

Stored = tuple[tuple[int, ...], type[np.generic]]  # the shape of a row's numbers, and their kind


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
        self._row_bytes = sum(prod(shape) * np.dtype(kind).itemsize for shape, kind in arrays.values())
        self._groups = list_groups(out, files, lambda group: group.num_rows * self._row_bytes)
        self._firsts = firsts_of(self._groups)

    def __len__(self) -> int:
        return sum(group.rows for group in self._groups)

    def columns(self, names: Sequence[str]) -> pa.Table:
        """Other columns of all rows, and `part`: the split that their file is named by."""
        return read_columns(self._out, self._files, names)

    def shuffled(self, rows: Ints, rng: np.random.Generator) -> Ints:
        """The rows in a random order that `take` can read without reading anything twice (see random_order)."""
        return rows[random_order(self._groups, rows, self._memory, rng)]

    def take(self, rows: Sequence[int] | Ints) -> tuple[NDArray[Any], ...]:
        """Each of the arrays [m, *shape] of m rows, in the order asked for."""
        rows = np.asarray(rows, np.int64)
        where = group_of(self._firsts, rows)
        taken: tuple[NDArray[Any], ...] = tuple(
            np.empty((len(rows), *shape), dtype) for shape, dtype in self._arrays.values()
        )
        for group in np.unique(where).tolist():
            at = where == group
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
        return sum(self._groups[number].bytes for number in self._held)


def _numbers(column: pa.ChunkedArray) -> NDArray[Any]:
    """All numbers of a column of numbers or of lists of them, one after the other."""
    whole = column.combine_chunks()
    flat = whole.flatten() if pa.types.is_fixed_size_list(whole.type) else whole
    return np.asarray(flat.to_numpy(zero_copy_only=False))
