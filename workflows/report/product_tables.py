"""ProductTables: the files of one product of a data set, file by file."""

from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.parquet as pq


def product_tables(
    out: Path, manifest: Mapping[str, Any], product: str, columns: Sequence[str]
) -> Iterator[tuple[str, pa.Table]]:
    """The files of a product, each with the part that it is of."""
    for file in manifest["files"]:
        if file["product"] == product and file["rows"]:
            yield file["split"], pq.read_table(out / file["path"], columns=list(columns), partitioning=None)
