"""ProductFile: one product of one shard as a Parquet file, written aside and then published."""

from collections.abc import Iterable, Mapping
from pathlib import Path

import pyarrow as pa

from posebeam.pipelines.publish import file_sha256, publish
from posebeam.pipelines.receipt import FileFacts
from posebeam.pipelines.schema import Product
from posebeam.pipelines.shard import ShardName, write_parquet


def publish_product(
    out: Path,
    folder: Path,
    name: ShardName,
    product: Product,
    tables: Iterable[pa.Table],
    footer: Mapping[str, str],
) -> FileFacts:
    """Write tables in `folder`, a workspace of OUT, publish them under the shard's name, and return the facts."""
    unfinished, final = folder / f"{product.name}.parquet", out / name.file(product.name)
    rows = write_parquet(unfinished, product, tables, footer)
    size, digest = unfinished.stat().st_size, file_sha256(unfinished)
    publish(unfinished, final)
    return FileFacts(name.file(product.name), product.name, rows, size, digest)
