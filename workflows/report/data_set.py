"""DataFigures: a data set in figures: clips and windows, what was rejected and why, which joints were missed."""

from collections import Counter
from collections.abc import Mapping
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
from numpy.typing import NDArray

from posebeam.pipelines.manifest import read_manifest
from posebeam.pipelines.read import WindowReader
from posebeam.workflows.report.build_speed import BuildSpeed, read_build_speed
from posebeam.workflows.report.missing_joints import missing_joints
from posebeam.workflows.report.near_clips import NearClips, near_clips
from posebeam.workflows.report.product_tables import product_tables

PARTS = ("train", "validation", "test")


@dataclass(frozen=True)
class Reject:
    """Clips that gave nothing, for one reason at one stage, and one of them."""

    stage: str
    reason: str
    clips: int
    example: str


@dataclass(frozen=True, eq=False)
class DataFigures:
    """A finished data set OUT.

    clips, windows  rows by class and part
    lengths         frames of each clip, and tracks the people in it; empty where the data set lists no clips
    rejects         by stage and reason, the commonest first
    joints          names of the joints that missing tells of
    missing         class: [K] share of the frames of its people in which each joint was not seen
    near            clips on both sides of a split that are almost alike; None where there are no windows
    speed           how fast it was made
    """

    out: Path
    name: str
    manifest: Mapping[str, Any]
    clips: Mapping[tuple[str, str], int]
    windows: Mapping[tuple[str, str], int]
    lengths: NDArray[np.int64]
    tracks: NDArray[np.int64]
    rejects: tuple[Reject, ...]
    joints: tuple[str, ...]
    missing: Mapping[str, NDArray[np.float64]]
    near: NearClips | None
    speed: BuildSpeed

    @property
    def classes(self) -> tuple[str, ...]:
        """Names of the classes."""
        return tuple(self.manifest["classes"])

    @property
    def parts(self) -> tuple[str, ...]:
        """Those of train, validation, test that hold anything."""
        return tuple(part for part in PARTS if any(own == part for _, own in (*self.clips, *self.windows)))

    def as_dict(self) -> dict[str, Any]:
        """For --json."""

        def nested(counts: Mapping[tuple[str, str], int]) -> dict[str, dict[str, int]]:
            return {name: {part: counts.get((name, part), 0) for part in self.parts} for name in self.classes}

        return {
            "data": self.name,
            "config": self.manifest["config"],
            "clips": self.manifest["clips"],
            "rows": self.manifest["rows"],
            "clips_per_class": nested(self.clips),
            "windows_per_class": nested(self.windows),
            "frames_per_clip": _quartiles(self.lengths),
            "people_per_clip": dict(sorted(Counter(self.tracks.tolist()).items())),
            "rejects": [asdict(each) for each in self.rejects],
            "joints": list(self.joints),
            "missing": {name: [round(float(share), 4) for share in own] for name, own in self.missing.items()},
            "near_clips": self.near and self.near.as_dict(),
            "speed": self.speed.as_dict(),
        }


def _quartiles(values: NDArray[np.int64]) -> dict[str, float] | None:
    names = ("least", "quarter", "median", "three_quarters", "most")
    return (
        dict(zip(names, np.percentile(values, (0, 25, 50, 75, 100)).tolist(), strict=True))
        if len(values)
        else None
    )


def read_figures(out: Path, name: str) -> DataFigures:
    """The figures of OUT; poses and windows are read file by file. DataError if it is unfinished or damaged."""
    manifest = read_manifest(out)
    listed = list(product_tables(out, manifest, "clips", ["label_name", "frames", "people", "rejected"]))
    joints, missing = missing_joints(out, manifest)
    windows = _per_class(product_tables(out, manifest, "windows", ["label_name"]))
    return DataFigures(
        out,
        name,
        manifest,
        clips=_per_class(listed) or _named_clips(out, manifest),
        windows=windows,
        lengths=_column(listed, "frames"),
        tracks=_column(listed, "people"),
        rejects=_rejects(out, manifest),
        joints=joints,
        missing=missing,
        near=near_clips(WindowReader(out)) if windows else None,
        speed=read_build_speed(out),
    )


def _per_class(tables: Any) -> dict[tuple[str, str], int]:
    counts: Counter[tuple[str, str]] = Counter()
    for part, table in tables:
        counts.update((name, part) for name in table["label_name"].to_pylist())
    return dict(counts)


def _named_clips(out: Path, manifest: Mapping[str, Any]) -> dict[tuple[str, str], int]:
    """Clips by class and part where the data set does not list them: those that have poses or windows."""
    names: set[tuple[str, str, str]] = set()
    for product in ("poses", "windows"):
        for part, table in product_tables(out, manifest, product, ["clip_id", "label_name"]):
            names.update((row["label_name"], part, row["clip_id"]) for row in table.to_pylist())
    return dict(Counter((label, part) for label, part, _ in names))


def _column(tables: list[tuple[str, pa.Table]], name: str) -> NDArray[np.int64]:
    """[n] of the clips that were built."""
    kept = [table[name].to_numpy()[~table["rejected"].to_numpy()] for _, table in tables]
    return np.concatenate([np.zeros(0, np.int64), *kept]).astype(np.int64)


def _rejects(out: Path, manifest: Mapping[str, Any]) -> tuple[Reject, ...]:
    """Reasons as one line; paths and numbers make each one different, so they are cut at the first colon."""
    found: dict[tuple[str, str], list[str]] = {}
    for _, table in product_tables(out, manifest, "rejected", ["clip_id", "stage", "reason"]):
        for row in table.to_pylist():
            reason = row["reason"].strip().splitlines() or [""]
            found.setdefault((row["stage"], reason[0].split(":")[0][:100]), []).append(row["clip_id"])
    counted = [Reject(stage, reason, len(clips), clips[0]) for (stage, reason), clips in found.items()]
    return tuple(sorted(counted, key=lambda each: -each.clips))
