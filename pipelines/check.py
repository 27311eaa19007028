"""Check: whether a data set is what its manifest says, and whether its splits are honest."""

from collections import defaultdict
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.parquet as pq

from posebeam.pipelines.clip_table import count_windows
from posebeam.pipelines.features.check import feature_findings
from posebeam.pipelines.manifest import read_manifest
from posebeam.pipelines.plan import read_plan
from posebeam.pipelines.products import products_of
from posebeam.pipelines.publish import file_sha256
from posebeam.pipelines.receipt import read_receipt
from posebeam.pipelines.shard import ShardName
from posebeam.transforms.split import leaks

_LAYOUT = {"layout": "layout", "chain": "chain", "chain_version": "chain_version", "backbone": "backbone"}
_OFFICIAL = ("split1", "split2", "split3")


def check(out: Path) -> list[str]:
    """Findings as sentences, none if all is well. DataError if OUT is no finished data set."""
    plan, manifest = read_plan(out), read_manifest(out)
    findings = [*_plan_and_receipts(out, plan, manifest), *_strangers(out, manifest)]
    whole = []
    for file in manifest["files"]:
        found = list(_file(out, file, manifest))
        findings += found
        whole += [] if found else [file]
    findings += [
        *_results(out, manifest),
        *_leaks(out, whole),
        *_counts(out, whole),
        *feature_findings(out, whole),
    ]
    return findings + list(_labels(out, whole, manifest["classes"]))


def _plan_and_receipts(out: Path, plan: dict[str, Any], manifest: dict[str, Any]) -> Iterator[str]:
    if plan["hash"] != manifest["plan"]:
        yield "manifest.json was made under another plan than plan.json"
    clips = manifest["clips"]
    if clips["listed"] != clips["built"] + clips["rejected"] + clips["missing"]:
        yield f"clips do not add up: {clips}"
    files = {file["path"]: file["sha256"] for file in manifest["files"]}
    for name, facts in plan["shards"].items():
        receipt = read_receipt(out, ShardName.parse(name))
        if receipt is None:
            yield f"{name}: its receipt is missing or damaged"
        elif (receipt.plan, receipt.refs) != (plan["hash"], facts["refs"]):
            yield f"{name}: its receipt was written under another plan"
        elif receipt.built + receipt.rejected != facts["clips"]:
            yield f"{name}: {receipt.built} built + {receipt.rejected} rejected, planned {facts['clips']} clips"
        elif any(files.get(file.path) != file.sha256 for file in receipt.files):
            yield f"{name}: receipt and manifest name different files"
        elif any(file.rows != facts["clips"] for file in receipt.files if file.product == "clips"):
            yield f"{name}: clips does not hold a row for each of its {facts['clips']} clips"
        elif any(file.rows < receipt.built for file in receipt.files if file.product == "images"):
            yield f"{name}: images does not hold a row for each of the {receipt.built} images that were built"


def _results(out: Path, manifest: dict[str, Any]) -> Iterator[str]:
    """The JSON of COCO results, where there is one."""
    if facts := manifest.get("coco_results"):
        path = out / facts["path"]
        if not path.is_file() or file_sha256(path) != facts["sha256"]:
            yield f"{facts['path']}: missing or changed: remove it and build again, it is made of the poses"


def _strangers(out: Path, manifest: dict[str, Any]) -> Iterator[str]:
    known = {file["path"] for file in manifest["files"]}
    for product in sorted({file["product"] for file in manifest["files"]}):
        for path in sorted((out / product).glob("*")):
            if f"{product}/{path.name}" not in known:
                yield f"{product}/{path.name}: a file that the manifest does not know"


def _file(out: Path, file: dict[str, Any], manifest: dict[str, Any]) -> Iterator[str]:
    """Existence, hash, schema, rows and footer of one file."""
    path, name = out / file["path"], file["path"]
    if not path.is_file():
        yield f"{name}: missing"
        return
    if file_sha256(path) != file["sha256"]:
        yield f"{name}: its sha256 differs from the manifest's: the file was changed or damaged"
    try:
        parquet = pq.ParquetFile(path)
    except (OSError, pa.ArrowException) as error:
        yield f"{name}: cannot be read as Parquet: {error}"
        return
    product = products_of(manifest["config"])[file["product"]]
    if not parquet.schema_arrow.equals(product.schema):
        yield f"{name}: its schema is not that of {product.name}"
    if parquet.metadata.num_rows != file["rows"]:
        yield f"{name}: {parquet.metadata.num_rows} rows, the manifest says {file['rows']}"
    footer = parquet.schema_arrow.metadata or {}
    if (schema := footer.get(b"posebeam.schema", b"none").decode(errors="replace")) != manifest["schema"]:
        yield f"{name}: schema {schema!r} in its footer, {manifest['schema']!r} in the manifest"
    for key in _LAYOUT:
        got, want = footer.get(f"posebeam.{key}".encode()), str(manifest["config"][key])
        if (got is not None or product.name == "windows") and got != want.encode():
            yield f"{name}: {key} {(got or b'none').decode()!r} in its footer, {want!r} in the manifest"


def _leaks(out: Path, files: list[dict[str, Any]]) -> Iterator[str]:
    """Groups that stand on both sides of a split: of the files, and of each official split."""
    places: dict[str, set[tuple[str, str]]] = defaultdict(set)
    for file in files:
        if file["product"] not in ("poses", "windows", "features", "clips", "images"):
            continue
        table = pq.read_table(out / file["path"], columns=["group", *_OFFICIAL])
        for row in table.group_by(table.column_names).aggregate([]).to_pylist():
            places["split"].add((row["group"], file["split"]))
            for name in _OFFICIAL:
                if row[name] is not None:
                    places[name].add((row["group"], row[name]))
    for name, found in sorted(places.items()):
        for group, parts in leaks(found).items():
            yield f"group {group!r} stands on both sides of {name}: {', '.join(parts)}"


def _counts(out: Path, files: list[dict[str, Any]]) -> Iterator[str]:
    """Clips whose number of windows is not that of their rows in windows."""
    paths = {file["path"] for file in files}
    for path in sorted(path for path in paths if path.startswith("clips/")):
        windows = path.replace("clips/", "windows/", 1)
        if windows not in paths:
            continue
        table = pq.read_table(out / path, columns=["clip_id", "windows"], partitioning=None)
        told = {row["clip_id"]: row["windows"] for row in table.to_pylist()}
        held = count_windows(out / windows)
        for clip_id in sorted(told.keys() | held.keys()):
            if told.get(clip_id) != held[clip_id]:
                yield f"{path}: {told.get(clip_id)} windows of {clip_id}, {windows} holds {held[clip_id]}"


def _labels(out: Path, files: list[dict[str, Any]], classes: list[str]) -> Iterator[str]:
    """Labels that are not the index of their name, and features that are not finite."""
    features: dict[str, list[str]] = {"windows": ["x"], "features": ["features"], "clips": [], "images": []}
    for file in files:
        if file["product"] not in features:
            continue
        columns = ["label", "label_name", *features[file["product"]]]
        for batch in pq.ParquetFile(out / file["path"]).iter_batches(1024, columns=columns):
            names = batch["label_name"].to_pylist()
            if names != [classes[label] if label < len(classes) else None for label in batch["label"].to_pylist()]:
                yield f"{file['path']}: a label is not the index of its name in the manifest's classes"
            for name in features[file["product"]]:
                if not pc.all(pc.is_finite(batch[name].flatten())).as_py():
                    yield f"{file['path']}: {name} holds values that are not finite"
