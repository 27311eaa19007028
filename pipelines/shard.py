"""Shards: their names, which clip falls into which, and the Parquet files they become."""

import math
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from hashlib import blake2b
from pathlib import Path

import pyarrow as pa
import pyarrow.parquet as pq

from posebeam.pipelines.schema import Product

CLIPS_PER_SHARD, IMAGES_PER_SHARD = 64, 1024


@dataclass(frozen=True, order=True)
class ShardName:
    """One shard of one split, e.g. the fourth of twelve: train-00003-of-00012."""

    split: str
    index: int
    count: int

    def __str__(self) -> str:
        return f"{self.split}-{self.index:05d}-of-{self.count:05d}"

    @classmethod
    def parse(cls, text: str) -> "ShardName":
        """The inverse of str()."""
        split, index, _, count = text.rsplit("-", 3)
        return cls(split, int(index), int(count))

    def file(self, product: str) -> str:
        """Path of the shard's file of one product, relative to OUT."""
        return f"{product}/{self}.parquet"

    @property
    def receipt(self) -> str:
        """Path of the receipt, relative to OUT."""
        return f"_shards/{self.split}-{self.index:05d}.json"


def shard_of(clip_id: str, split: str, count: int) -> ShardName:
    """The shard of a clip: a stable hash of its id, the same on every machine."""
    number = int.from_bytes(blake2b(clip_id.encode(), digest_size=8).digest(), "big")
    return ShardName(split, number % count, count)


def shard_count(clips: int, wanted: int, each: int = CLIPS_PER_SHARD) -> int:
    """Shards of a split: as wanted, or (0) one for each 64 clips, rounded up."""
    return wanted or max(1, -(-clips // each))


def write_parquet(path: Path, product: Product, tables: Iterable[pa.Table], footer: Mapping[str, str]) -> int:
    """Write tables as row groups of the product's size; return the rows. Memory: one row group.

    zstd; dictionaries for strings only; footer holds the key-values that say how the data were made.
    """
    schema = product.schema.with_metadata(dict(footer))
    strings = [field.name for field in schema if pa.types.is_string(field.type)]
    with pq.ParquetWriter(path, schema, compression="zstd", use_dictionary=strings) as writer:
        rows = 0
        for group in _regroup(tables, product):
            writer.write_table(group.cast(schema), row_group_size=product.row_group)
            rows += len(group)
    return rows


def _regroup(tables: Iterable[pa.Table], product: Product) -> Iterable[pa.Table]:
    held: list[pa.Table] = []
    rows, size = 0, product.row_group
    bytes_held, most = 0, product.row_group_bytes or math.inf
    for table in tables:
        if rows and bytes_held + table.nbytes > most:
            yield pa.concat_tables(held).combine_chunks()
            held, rows, bytes_held = [], 0, 0
        held.append(table)
        rows, bytes_held = rows + len(table), bytes_held + table.nbytes
        while rows >= size:
            whole = pa.concat_tables(held)
            yield whole.slice(0, size).combine_chunks()
            held, rows = [whole.slice(size)], rows - size
            bytes_held = held[0].nbytes
    if rows:
        yield pa.concat_tables(held).combine_chunks()
