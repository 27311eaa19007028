"""BuildSpeed: how fast a data set was made, and how full the batches were."""

from collections.abc import Mapping
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

from posebeam.pipelines.manifest import read_manifest
from posebeam.pipelines.receipt import read_receipt
from posebeam.pipelines.runs import read_runs
from posebeam.pipelines.shard import ShardName


@dataclass(frozen=True)
class BuildRun:
    """One run that wrote to a data set, as run.json tells of it."""

    started: str
    clips: int
    frames: int
    seconds: float
    workers: int
    machine: str

    @property
    def per_second(self) -> float:
        """Frames a second, all workers together."""
        return self.frames / self.seconds if self.seconds else 0.0


@dataclass(frozen=True)
class BuildSpeed:
    """runs are those that looked at frames. fills: mean share of a batch that held a frame, by shard, of shards
    that ran a network; fill: over all of them, None where nothing tells."""

    runs: tuple[BuildRun, ...]
    fills: Mapping[str, float]
    fill: float | None

    def as_dict(self) -> dict[str, Any]:
        """For --json."""
        runs = [{**asdict(run), "frames_per_second": round(run.per_second, 1)} for run in self.runs]
        return {"runs": runs, "batch_fill": self.fill, "batch_fill_per_shard": dict(self.fills)}


def read_build_speed(out: Path) -> BuildSpeed:
    """From OUT/run.json and the shards' receipts. DataError if OUT is unfinished."""
    shards = sorted({Path(file["path"]).stem for file in read_manifest(out)["files"]})
    receipts = [read_receipt(out, ShardName.parse(name)) for name in shards]
    ran = [receipt for receipt in receipts if receipt and receipt.steps]
    room = sum(receipt.steps * receipt.slots for receipt in ran)
    return BuildSpeed(
        tuple(_run(told) for told in read_runs(out) if told.get("frames")),
        {receipt.shard: receipt.frames / (receipt.steps * receipt.slots) for receipt in ran},
        sum(receipt.frames for receipt in ran) / room if room else None,
    )


def _run(told: Mapping[str, Any]) -> BuildRun:
    return BuildRun(
        str(told.get("started", "-")),
        int(told.get("decoded", 0)),
        int(told.get("frames", 0)),
        float(told.get("seconds", 0.0)),
        int(told.get("workers", 1)),
        str(told.get("machine", "-")),
    )
