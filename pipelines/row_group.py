"""RowGroup: a piece of a data set that is read at once, and the order in which rows are asked of such pieces."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
from numpy.typing import NDArray

from posebeam.transforms.errors import DataError

Ints = NDArray[np.int64]
Files = Sequence[Mapping[str, Any]]  # of one product, as the manifest lists them


@dataclass(frozen=True)
class RowGroup:
    """A row group of one file: the number of its first row in the whole data set, and what its rows weigh."""

    path: Path
    index: int
    first: int
    rows: int
    bytes: int


def list_groups(out: Path, files: Files, weigh: Callable[[pq.RowGroupMetaData], int]) -> list[RowGroup]:
    """The row groups of files in their order; weigh says how many bytes one will hold in memory.

    DataError if a file is gone, damaged, or has another number of rows than its manifest says.
    """
    groups, first = [], 0
    for file in files:
        path = out / file["path"]
        facts = _metadata(path)
        if facts.num_rows != file["rows"]:
            raise DataError(
                f"{path} has {facts.num_rows} rows, its manifest says {file['rows']}: run posebeam check {out}"
            )
        for index in range(facts.num_row_groups):
            group = facts.row_group(index)
            groups.append(RowGroup(path, index, first, group.num_rows, weigh(group)))
            first += group.num_rows
    return groups


def read_columns(out: Path, files: Files, names: Sequence[str]) -> pa.Table:
    """Columns of all rows, and `part`: the split that their file is named by."""
    tables = [
        pq.read_table(out / file["path"], columns=list(names), partitioning=None)
        .replace_schema_metadata()
        .append_column("part", pa.array([file["split"]] * file["rows"], pa.string()))
        for file in files
    ]
    return pa.concat_tables(tables)


def firsts_of(groups: Sequence[RowGroup]) -> Ints:
    """The numbers of the first rows, for group_of, which is asked often."""
    return np.array([group.first for group in groups], np.int64)


def group_of(firsts: Ints, rows: Ints) -> Ints:
    """Which of the groups each row lies in."""
    return np.searchsorted(firsts, rows, side="right") - 1


def random_order(groups: Sequence[RowGroup], rows: Ints, memory: int, rng: np.random.Generator) -> Ints:
    """Places in `rows`, each once, in a random order that reads no group twice with so many bytes of memory.

    All at random where everything fits; else groups at random, as many at a time as half the memory holds (a batch
    may straddle two such blocks), and the places within them at random. A row may stand in `rows` several times.
    """
    if sum(group.bytes for group in groups) <= memory:
        return rng.permutation(len(rows))
    where = group_of(firsts_of(groups), rows)
    blocks: list[list[int]] = [[]]
    size = 0
    for group in rng.permutation(np.unique(where)).tolist():
        size += groups[group].bytes
        if 2 * size > memory and blocks[-1]:
            blocks.append([])
            size = groups[group].bytes
        blocks[-1].append(group)
    return np.concatenate([rng.permutation(np.flatnonzero(np.isin(where, block))) for block in blocks])


def _metadata(path: Path) -> pq.FileMetaData:
    try:
        return pq.read_metadata(path)
    except (OSError, pa.ArrowInvalid) as error:
        raise DataError(f"{path} cannot be read: {error}") from error
