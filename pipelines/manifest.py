"""Manifest: the receipts put together; written last, it says that a data set is whole."""

from collections import Counter
from collections.abc import Sequence
from dataclasses import asdict
from pathlib import Path
from typing import Any

from posebeam.pipelines.plan import FILE as PLAN
from posebeam.pipelines.plan import Plan
from posebeam.pipelines.publish import publish_json
from posebeam.pipelines.receipt import Receipt, read_receipt
from posebeam.pipelines.record import read_record, require_files
from posebeam.pipelines.schema import VERSION
from posebeam.pipelines.shard import ShardName
from posebeam.transforms.chain import chain
from posebeam.transforms.errors import DataError
from posebeam.transforms.windows import WindowRule

FILE = "manifest.json"
_SAYS = {"plan": str, "config": dict, "classes": list, "clips": dict, "rows": dict, "files": list}


def make_manifest(plan: Plan, receipts: Sequence[Receipt], skeleton: str) -> dict[str, Any]:
    """The manifest of a finished build. listed = built + rejected + missing, or it is a bug."""
    clips = {
        "listed": plan.listed,
        "built": sum(receipt.built for receipt in receipts),
        "rejected": sum(receipt.rejected for receipt in receipts),
        "missing": plan.missing,
    }
    if clips["listed"] != clips["built"] + clips["rejected"] + clips["missing"]:
        raise AssertionError(f"clips do not add up: {clips}")
    files = [
        {**asdict(facts), "split": ShardName.parse(receipt.shard).split}
        for receipt in receipts
        for facts in receipt.files
    ]
    poses, rule = plan.settings.poses, plan.settings.windows
    return {
        "schema": VERSION,
        "plan": plan.hash,
        "config": {
            "kind": poses.kind,
            "backbone": poses.backbone,
            "weights_sha256": poses.weights_sha256,
            "decode": poses.decode,
            "fps": poses.fps,
            "skeleton": skeleton,
            "split": poses.split,
            "chain": rule.chain,
            "chain_version": chain(rule.chain).version,
            "layout": rule.layout,
            "window": rule.length,
            "stride": rule.stride,
            "min_score": rule.min_score,
            "person": rule.person,
            "crop_following": poses.crop_following,
            # Only where it is said, so that manifests of before keep their bytes.
            **({} if rule.gaps == WindowRule.gaps else {"gaps": rule.gaps}),
            **poses.extra,
        },
        "classes": list(plan.classes),
        "clips": clips,
        "frames": sum(receipt.frames for receipt in receipts),
        "not_finite": sum(receipt.not_finite for receipt in receipts),
        "warnings": sum(len(receipt.warnings) for receipt in receipts),
        "rows": dict(Counter(_rows(files))),
        "files": sorted(files, key=lambda file: str(file["path"])),
    }


def _rows(files: Sequence[dict[str, Any]]) -> Counter[str]:
    rows: Counter[str] = Counter()
    for file in files:
        rows[f"{file['product']}/{file['split']}"] += file["rows"]
    return rows


def write_manifest(manifest: dict[str, Any], out: Path) -> None:
    """Publish manifest.json."""
    publish_json(manifest, out, FILE)


def read_manifest(out: Path) -> dict[str, Any]:
    """manifest.json; DataError if the data set is unfinished or of another schema."""
    path = out / FILE
    if not path.is_file():
        if not (out / PLAN).is_file():
            raise DataError(f"{out} holds no {FILE}: it is no data set of posebeam (posebeam build makes one)")
        raise DataError(f"{out} holds no {FILE}: its build is unfinished; run the same posebeam build again")
    manifest = read_record(path, _SAYS)
    require_files(path, manifest["files"])
    return manifest


def read_receipts(plan: Plan, out: Path) -> list[Receipt]:
    """The receipts of all shards of a plan; DataError names those that are missing."""
    receipts = {name: read_receipt(out, name) for name in sorted(plan.shards)}
    absent = [str(name) for name, receipt in receipts.items() if receipt is None]
    if absent:
        raise DataError(f"{out}: no receipt for {', '.join(absent[:5])} ({len(absent)} in all)")
    return [receipt for receipt in receipts.values() if receipt is not None]
