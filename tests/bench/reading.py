"""Reading windows for training against `datasets` with torch format: rows/s in shuffled batches of 512, one core.

A pass is one epoch: x, valid and label of every row as tensors. Ours is what training uses
(workflows/action/samples.py). Theirs is the faster of two ways: torch's DataLoader over rows with its own
collation, and whole batches by their indices, which datasets' documentation advises. Three figures: an epoch
from opening the Parquet files on; the same where datasets has made its Arrow cache before and is not charged for
it, which has no bound; and a later epoch, of which a training has hundreds.
"""

import tempfile
import time
from argparse import Namespace
from collections.abc import Callable, Iterator
from functools import partial
from pathlib import Path
from typing import Any

import measure

BATCH = 512
CASES = (  # whether datasets' cache is there, the epoch that counts, the bound
    ("first epoch", False, 0, 2.0),
    ("first epoch, cache made before", True, 0, None),
    ("later epoch", True, 1, 2.0),
)
SHARDS, ROWS = 8, 2048  # a shard; together about as much as two thousand UCF101 clips


def figures(given: Namespace) -> Iterator[measure.Figure]:
    """A figure for the first epoch, and one for a later one."""
    measure.pin(1)
    import datasets
    import torch

    torch.set_num_threads(1)
    datasets.disable_progress_bars()
    with tempfile.TemporaryDirectory() as folder:
        out = _write(Path(folder) / "data")
        cache = str(Path(folder) / "cache")
        for which, cached, epoch, least in CASES:
            contestants = {
                "posebeam": partial(_rate, partial(_Ours, out), epoch),
                "rows": partial(_rate, partial(_Theirs, out, cache if cached else None, False), epoch),
                "whole batches": partial(_rate, partial(_Theirs, out, cache if cached else None, True), epoch),
            }
            found = measure.alternate(given.rounds, contestants)
            ours = found.pop("posebeam")
            best, note = found[measure.fastest(found)], measure.medians(found)
            yield measure.Figure(f"reading, {which}", "datasets", "rows/s", ours, best, least=least, note=note)


def _rate(opened: Callable[[], Any], epoch: int) -> float:
    """Rows a second of an epoch, numbered from 0; opening is charged to the first."""
    import torch

    torch.manual_seed(0)
    started = time.perf_counter()
    batches = opened()
    for _ in range(epoch):
        for _ in batches:
            pass
        started = time.perf_counter()
    rows = 0
    for batch in batches:
        x, valid, label = (batch[name] for name in ("x", "valid", "label"))
        assert x.shape == (len(label), 30, 52), x.shape
        assert (x.dtype, valid.dtype) == (torch.float32, torch.bool)
        rows += len(label)
    assert rows == SHARDS * ROWS, rows
    return rows / (time.perf_counter() - started)


class _Ours:
    """Batches as training takes them, a new order each time."""

    def __init__(self, out: Path):
        import numpy as np

        from posebeam.pipelines.read import WindowReader
        from posebeam.workflows.action.samples import EpochOrder, Samples, loader

        windows = Samples(reader := WindowReader(out), np.arange(len(reader)))
        self._loader = loader(windows, BATCH, EpochOrder(windows, seed=0))

    def __iter__(self) -> Iterator[dict[str, Any]]:
        for batch in self._loader:
            yield batch._asdict()


class _Theirs:
    """Batches of a Dataset in torch format, a new order each time."""

    def __init__(self, out: Path, cache: str | None, whole: bool):
        """cache is the folder of its Arrow files; None is a new one."""
        from datasets import load_dataset
        from torch.utils.data import BatchSampler, DataLoader, RandomSampler

        self._own = tempfile.TemporaryDirectory()
        files = sorted(str(path) for path in (out / "windows").glob("*.parquet"))
        rows = load_dataset("parquet", data_files=files, split="train", cache_dir=cache or self._own.name)
        rows = rows.select_columns(["x", "valid", "label"]).with_format("torch")
        if whole:
            order = BatchSampler(RandomSampler(rows), BATCH, drop_last=False)
            self._loader = DataLoader(rows, sampler=order, batch_size=None)
        else:
            self._loader = DataLoader(rows, batch_size=BATCH, shuffle=True)

    def __iter__(self) -> Iterator[dict[str, Any]]:
        for batch in self._loader:
            yield batch | {"x": batch["x"].reshape(-1, 30, 52), "valid": batch["valid"].reshape(-1, 30, 13)}


def _write(out: Path) -> Path:
    """A finished data set of made windows, as a build leaves it."""
    import numpy as np

    from posebeam.pipelines import schema
    from posebeam.pipelines.clip import ClipRef
    from posebeam.pipelines.manifest import make_manifest, write_manifest
    from posebeam.pipelines.plan import Plan
    from posebeam.pipelines.publish import file_sha256
    from posebeam.pipelines.receipt import FileFacts, Receipt
    from posebeam.pipelines.settings import PoseSettings, Settings
    from posebeam.pipelines.shard import ShardName, write_parquet
    from posebeam.transforms.windows import Window, WindowRule

    (out / "windows").mkdir(parents=True)
    rng, rule = np.random.default_rng(0), WindowRule(min_score=0.2)
    receipts = []
    for index in range(SHARDS):
        name = ShardName("train", index, SHARDS)
        tables = []
        for number in range(ROWS // 8):  # eight windows a clip
            ref = ClipRef("", f"clip/{index}_{number}.avi", "clip", f"g{number % 25}", "train", 1)
            x = rng.normal(size=(8, 30, 52)).astype(np.float32)
            found = [Window(ref.clip_id, 0, 15 * k, x[k], rng.random((30, 13)) > 0.1) for k in range(8)]
            tables.append(schema.window_rows(schema.clip_columns(ref, ["clip"]), found, 30))
        path = out / name.file("windows")
        rows = write_parquet(path, schema.windows(30), tables, {})
        facts = FileFacts(name.file("windows"), "windows", rows, path.stat().st_size, file_sha256(path))
        receipts.append(Receipt(str(name), "", "", built=len(tables), rejected=0, files=(facts,)))
    poses = PoseSettings(kind="videos", backbone="movenet-lightning", weights_sha256="0" * 64)
    sizes = {ShardName.parse(receipt.shard): (receipt.built, "") for receipt in receipts}
    write_manifest(make_manifest(Plan(Settings(poses, rule), ("clip",), sizes, 0, 0), receipts, "coco17"), out)
    return out


if __name__ == "__main__":
    measure.main(figures)
