"""FeatureCheck: whether every clip that was built has its features, and zeros stand where no frame was."""

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow.parquet as pq

from posebeam.models.clip_features import LENGTH


def feature_findings(out: Path, files: list[dict[str, Any]]) -> Iterator[str]:
    """Findings as sentences; files are those of the manifest that can be read."""
    paths = {file["path"] for file in files}
    for path in sorted(path for path in paths if path.startswith("features/")):
        held = pq.read_table(out / path, columns=["clip_id", "length"], partitioning=None)
        yield from _lengths(out / path, path)
        if (clips := path.replace("features/", "clips/", 1)) in paths:
            told = pq.read_table(out / clips, columns=["clip_id", "rejected"], partitioning=None).to_pylist()
            built = sorted(row["clip_id"] for row in told if not row["rejected"])
            if built != sorted(held["clip_id"].to_pylist()):
                yield f"{path}: {len(held)} clips, {clips} says that {len(built)} were built, or others"


def _lengths(file: Path, path: str) -> Iterator[str]:
    for batch in pq.ParquetFile(file).iter_batches(64, columns=["clip_id", "features", "length"]):
        length = batch["length"].to_numpy()
        rows = batch["features"].flatten().to_numpy().reshape(len(batch), LENGTH, -1)
        padding = np.arange(LENGTH) >= length[:, None]
        wrong = (length < 1) | (length > LENGTH) | (padding[..., None] & (rows != 0)).any((1, 2))
        for clip_id in batch["clip_id"].filter(wrong).to_pylist():
            yield f"{path}: {clip_id}: its length is not 1 to {LENGTH}, or features stand behind its last frame"
