"""ClipTable: rows of the product clips, and those among them that gave no window."""

from collections import Counter
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.parquet as pq
from numpy.typing import NDArray

SILENT = "no window of this clip"


def count_windows(path: Path) -> Counter[str]:
    """How many windows of each clip stand in a shard's file of windows."""
    return Counter(pq.read_table(path, columns=["clip_id"], partitioning=None)["clip_id"].to_pylist())


def recount(clips: pa.Table, windows: Path) -> pa.Table:
    """Rows of clips with the numbers of their windows in that file."""
    held, at = count_windows(windows), clips.schema.get_field_index("windows")
    counts = pa.array([held[clip_id] for clip_id in clips["clip_id"].to_pylist()], pa.int32())
    return clips.set_column(at, clips.schema.field(at), counts)


def silences(clips: pa.Table) -> list[tuple[str, str]]:
    """What a receipt says of clips that were built and gave no window: (clip id, sentence)."""
    return [
        (row["clip_id"], f"{SILENT}: nobody was seen {'long enough' if row['people'] else 'in it'}")
        for row in clips.select(["clip_id", "people", "windows", "rejected"]).to_pylist()
        if not row["windows"] and not row["rejected"]
    ]


@dataclass(frozen=True, eq=False)
class SilentClips:
    """The clips of a data set without a window, m of them: nobody was seen long enough, or they were rejected."""

    _rows: pa.Table

    @property
    def labels(self) -> NDArray[np.int64]:
        """[m] indices into the data set's classes."""
        return self._rows["label"].to_numpy().astype(np.int64)

    @property
    def groups(self) -> NDArray[np.object_]:
        """[m] names of groups."""
        return self._rows["group"].to_numpy()

    def parts(self, split: int) -> NDArray[np.object_]:
        """[m] train, validation or test, as WindowReader.parts says it of windows."""
        return self._rows[f"split{split}" if split else "part"].to_numpy()


def read_silent(out: Path, manifest: dict[str, Any], by: str = "windows") -> SilentClips | None:
    """The clips without a window, or (by rejected) those that were rejected; None if they are not known: data sets
    of before have no rows of all clips."""
    files = [file for file in manifest["files"] if file["product"] == "clips"]
    if sum(file["rows"] for file in files) != manifest["clips"]["built"] + manifest["clips"]["rejected"]:
        return None
    tables = [
        pq.read_table(out / file["path"], partitioning=None)
        .replace_schema_metadata()
        .append_column("part", pa.array([file["split"]] * file["rows"], pa.string()))
        for file in files
    ]
    rows = pa.concat_tables(tables)
    return SilentClips(rows.filter(rows[by] if by == "rejected" else pc.equal(rows[by], 0)))
