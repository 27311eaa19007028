"""Rewindow: the cheap half again, from stored poses, without touching a video."""

import shutil
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.parquet as pq

from posebeam.pipelines import manifest as manifests
from posebeam.pipelines.card import write_card
from posebeam.pipelines.clip_table import SILENT, recount, silences
from posebeam.pipelines.folder import remove_strangers
from posebeam.pipelines.job import Job
from posebeam.pipelines.plan import Plan, read_plan, write_plan
from posebeam.pipelines.product_file import publish_product
from posebeam.pipelines.publish import WORK, publish, workspace
from posebeam.pipelines.receipt import Receipt, read_receipt
from posebeam.pipelines.runs import record_run
from posebeam.pipelines.schema import clips, track_of, window_rows, windows
from posebeam.pipelines.settings import Settings
from posebeam.pipelines.shard import ShardName
from posebeam.pipelines.stores.address import address, located
from posebeam.pipelines.stores.held import held
from posebeam.pipelines.stores.mirror import present, remove
from posebeam.pipelines.whereabouts import last_whereabouts
from posebeam.transforms.errors import DataError
from posebeam.transforms.main_person import MainPerson
from posebeam.transforms.skeleton import skeleton
from posebeam.transforms.track import PoseTrack
from posebeam.transforms.windows import Windower, WindowRule


def rewindow(old: Path, new: Path, rule: WindowRule) -> dict[str, Any]:
    """A data set NEW with the poses of OLD and windows by another rule; returns its manifest.

    With the rule of OLD, NEW is OLD byte for byte; what an earlier OLD left in NEW is replaced. All of OLD must be
    here, if it lies in a store; NEW may lie in one. DataError for poses of images: a still never becomes a window.
    """
    new = located(new)
    before = manifests.read_manifest(old)
    plan, joints = plan_of(read_plan(old)), before["config"]["skeleton"]
    if not plan.settings.poses.has_poses:
        raise DataError(f"{old} holds no poses: windows are made of them; build it with --backbone NAME")
    if not any(file["product"] == "poses" for file in before["files"]):
        raise DataError(f"{old} holds no poses that windows could be made of, only windows: import it anew")
    if plan.settings.poses.stills:
        raise DataError(f"{old} holds poses of images ({plan.settings.poses.kind}): windows need motion")
    fresh = replace(plan, settings=Settings(plan.settings.poses, rule))
    files = held(new)
    write_plan(fresh, new)
    remove(new / manifests.FILE)  # first of all: it names what is replaced now
    remove_strangers(fresh, new, files)
    job, receipts = Job.of(fresh, new, "", ""), []
    for name in sorted(plan.shards):
        receipt = read_receipt(old, name)
        if receipt is None:
            raise DataError(f"{old}: {name} has no receipt: run posebeam check {old}")
        receipts.append(_shard(old, new, name, receipt, job, joints))
    manifest = manifests.make_manifest(fresh, receipts, joints)
    write_card(manifest, new)
    if known := last_whereabouts(old):
        record_run({"poses_of": address(old.absolute()), **known}, new)
    manifests.write_manifest(manifest, new)
    shutil.rmtree(new / WORK, ignore_errors=True)
    return manifest


def plan_of(data: dict[str, Any]) -> Plan:
    """The record from plan.json."""
    shards = {ShardName.parse(name): (facts["clips"], facts["refs"]) for name, facts in data["shards"].items()}
    settings = Settings.from_dict(data["settings"])
    return Plan(settings, tuple(data["classes"]), shards, data["missing"], data["unlisted"])


def _shard(old: Path, new: Path, name: ShardName, receipt: Receipt, job: Job, joints: str) -> Receipt:
    files, warnings = [], receipt.warnings
    with workspace(new) as folder:
        for facts in receipt.files:
            footer = job.footer(facts.product, joints)
            if facts.product == "windows":
                rows = windows_of_poses(old / name.file("poses"), job, joints)
                facts = publish_product(new, folder, name, windows(job.settings.windows.length), rows, footer)
            elif facts.product == "clips":  # stands after the windows that it counts
                told = pq.read_table(old / facts.path, partitioning=None)
                told = recount(told, present(new / name.file("windows")))
                facts = publish_product(new, folder, name, clips(), [told], footer)
                others = [warning for warning in warnings if not warning[1].startswith(SILENT)]
                warnings = tuple(sorted([*others, *silences(told)]))
            else:
                shutil.copyfile(old / facts.path, folder / facts.product)
                publish(folder / facts.product, new / facts.path)
            files.append(facts)
    fresh = replace(receipt, plan=job.plan_hash, warnings=warnings, files=tuple(files))
    fresh.write(new)
    return fresh


def windows_of_poses(poses: Path, job: Job, skeleton_name: str) -> Iterator[pa.Table]:
    """Windows of one shard's file of poses, in its order: by clip, person, segment."""
    rule = job.settings.windows
    mains = _main_people(poses, rule.min_score, skeleton_name) if rule.person == "main" else {}
    current: tuple[str, int] | None = None
    columns: dict[str, Any] = {}
    windower = Windower(rule)
    for row, track in _tracks(poses, skeleton_name):
        key = (track.clip_id, track.person)
        if mains and track.person != mains[track.clip_id].person:
            continue
        if current not in (None, key):
            yield window_rows(columns, windower.finish(), rule.length)
            windower = Windower(rule)
        current, columns = key, row
        yield window_rows(columns, windower.push(track), rule.length)
    if current is not None:
        yield window_rows(columns, windower.finish(), rule.length)


def _main_people(poses: Path, min_score: float, skeleton_name: str) -> dict[str, MainPerson]:
    """Whom each clip is about."""
    mains: dict[str, MainPerson] = {}
    for _, track in _tracks(poses, skeleton_name):
        mains.setdefault(track.clip_id, MainPerson(min_score)).add(track)
    return mains


def _tracks(poses: Path, skeleton_name: str) -> Iterator[tuple[dict[str, Any], PoseTrack]]:
    """Each row of poses, and the segment in it."""
    joints = len(skeleton(skeleton_name))
    for batch in pq.ParquetFile(poses).iter_batches(8):
        for row in batch.to_pylist():
            yield row, track_of(row, skeleton_name, joints)
