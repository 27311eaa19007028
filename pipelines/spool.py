"""Spool: rows in the order in which they come, read back in the order in which they shall stand."""

from collections.abc import Callable, Iterator
from pathlib import Path

import pyarrow as pa

from posebeam.pipelines.schema import Product

Key = tuple[str, int, int]  # clip id, person, number of the segment


class Spool:
    """An Arrow file on disk with an index in memory, so that a long video costs no memory.

    Clips of a shard are built side by side, one may be rejected after hours, and who is a clip's main person is
    known at its end: rows are set down as they come, and read back sorted, those that are wanted.
    """

    def __init__(self, path: Path, product: Product):
        self.product = product
        self._path = path
        self._index: dict[Key, list[int]] = {}
        self._batches = 0
        self._writer = pa.ipc.new_file(str(path), product.schema)

    def add(self, key: Key, table: pa.Table) -> None:
        """Set down rows; several tables under one key keep their order."""
        for batch in table.combine_chunks().to_batches():
            self._writer.write_batch(batch)
            self._index.setdefault(key, []).append(self._batches)
            self._batches += 1

    def tables(self, wanted: Callable[[Key], bool]) -> Iterator[pa.Table]:
        """The rows under the keys that are wanted, in key order. Ends the writing."""
        self._writer.close()
        with pa.OSFile(str(self._path)) as source:  # pages of a mapped file would count as our memory
            reader = pa.ipc.open_file(source)
            for key in sorted(self._index):
                if wanted(key):
                    for number in self._index[key]:
                        yield pa.Table.from_batches([reader.get_batch(number)])
