"""Imported: poses that other programs made, to a data set like any other; no video is touched."""

import shutil
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

from posebeam.pipelines import manifest as manifests
from posebeam.pipelines.card import write_card
from posebeam.pipelines.clip import ClipRef
from posebeam.pipelines.coco.results import gives_results, write_results
from posebeam.pipelines.folder import remove_strangers
from posebeam.pipelines.job import Job
from posebeam.pipelines.listing import Listing
from posebeam.pipelines.plan import make_plan, write_plan
from posebeam.pipelines.publish import WORK
from posebeam.pipelines.receipt import Receipt
from posebeam.pipelines.settings import IMPORTED, PoseSettings, Settings
from posebeam.pipelines.shard import ShardName
from posebeam.pipelines.stores.address import located
from posebeam.pipelines.stores.held import held
from posebeam.transforms.errors import PlanError
from posebeam.transforms.layout import layout
from posebeam.transforms.windows import WindowRule

UNKNOWN = "unknown"  # sha256 of weights that nobody told
# What OpenPose did not find it scores 0, and what it found it scores above its own thresholds.
SEEN = 1e-6
# What the windows of a skeleton are by default; of another one act13-coco, if it has the joints.
LAYOUTS = {"body25": "act13-body25", "coco17": "act13-coco", "coco18": "act13-coco"}

WriteShard = Callable[[Job, ShardName, Sequence[ClipRef]], Receipt]


def imported_settings(kind: str, backbone: str, rule: WindowRule, split: int = 1, shards: int = 0) -> Settings:
    """Settings of poses that `backbone`, no row of ours, made somewhere else."""
    poses = PoseSettings(
        kind=kind,
        backbone=f"{IMPORTED}{backbone}",
        weights_sha256=UNKNOWN,
        split=split,
        crop_following=False,
        shards=shards,
    )
    return Settings(poses, rule)


def import_data(
    listing: Listing, settings: Settings, skeleton_name: str, out: Path, write_shard: WriteShard
) -> dict[str, Any]:
    """Write a data set of the clips listed, shard by shard, and return its manifest.

    Shards that an interrupted import of other clips left in OUT are removed. ConfigError if the layout cannot be
    made of the skeleton; PlanError if OUT holds something else, or is whole.
    """
    layout(settings.windows.layout).indices(skeleton_name)
    out = located(out)
    files = held(out)
    if manifests.FILE in files:
        raise PlanError(f"{out} holds a whole data set: take another folder, or remove that one")
    plan, shards = make_plan(listing, settings)
    write_plan(plan, out)
    remove_strangers(plan, out, files)
    job = Job.of(plan, out, "", "")
    receipts = []
    for name, refs in sorted(shards.items()):
        receipts.append(write_shard(job, name, refs))
        receipts[-1].write(out)
    manifest = manifests.make_manifest(plan, receipts, skeleton_name)
    if gives_results(settings.poses.kind, skeleton_name):
        held(out, "poses")
        manifest["coco_results"] = write_results(out, manifest)
    write_card(manifest, out)
    manifests.write_manifest(manifest, out)
    shutil.rmtree(out / WORK, ignore_errors=True)
    return manifest
