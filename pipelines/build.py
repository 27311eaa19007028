"""Build: the driver's side of one build, from a listing to a manifest."""

import os
import platform
import threading
import time
from collections import Counter
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from posebeam.models.registry import row
from posebeam.pipelines import manifest as manifests
from posebeam.pipelines.card import write_card
from posebeam.pipelines.clip import ClipRef
from posebeam.pipelines.coco.results import FILE as RESULTS
from posebeam.pipelines.coco.results import gives_results, write_results
from posebeam.pipelines.engines.runner import check_sources, check_workers, pipeline_options, run_graph, take_hints
from posebeam.pipelines.folder import alone, clear, remove_strangers
from posebeam.pipelines.graph import BuildShards
from posebeam.pipelines.job import Job
from posebeam.pipelines.listing import Listing
from posebeam.pipelines.plan import FILE as PLAN
from posebeam.pipelines.plan import Plan, make_plan, write_plan
from posebeam.pipelines.progress import Tally
from posebeam.pipelines.publish import workspace
from posebeam.pipelines.receipt import Receipt
from posebeam.pipelines.runs import record_run
from posebeam.pipelines.settings import Settings
from posebeam.pipelines.shard import ShardName
from posebeam.pipelines.stills.ground_truth import truth_of
from posebeam.pipelines.stores.address import located
from posebeam.pipelines.stores.held import held
from posebeam.pipelines.stores.mirror import remove
from posebeam.pipelines.stores.store import use, without_secrets
from posebeam.pipelines.whereabouts import whereabouts
from posebeam.transforms.errors import DataError

_LOOK_SECONDS = 0.5

Watch = Callable[[Counter[str]], None]


@dataclass(frozen=True)
class Built:
    """What a build came to. run holds times and processes of this run; skipped shards were finished before."""

    manifest: dict[str, Any]
    receipts: tuple[Receipt, ...]
    run: dict[str, Any]
    skipped: int


def build(
    listing: Listing,
    settings: Settings,
    out: Path,
    *,
    weights: str = "",
    features_weights: str = "",
    runs: Mapping[str, str] | None = None,
    workers: int = 1,
    beam_args: Sequence[str] = (),
    overwrite: bool = False,
    shared_disk: bool = False,
    config: Mapping[str, Any] | None = None,
    watch: Watch | None = None,
) -> Built:
    """Build what is missing of a data set; see design: plan, shards, receipts, manifest. OUT may be a URI.

    runs: the folders of trained backbones by the names that the settings have (models/run_row.py).
    shared_disk: the workers of a cluster see SOURCE and OUT under the same paths as this machine.
    config, what the user asked for, goes to run.json. watch is called now and then with the counts so far
    (see progress.COUNTS).
    """
    out = located(out)
    if beam_args:
        use(beam_args)
    options = pipeline_options(workers, beam_args)
    check_workers(options, settings.poses.device_kind, out, shared_disk)
    check_sources(options, listing, shared_disk)
    plan, shards = make_plan(listing, settings)
    with alone(out):
        before = held(out)
        files = clear(out, before) if overwrite else before
        write_plan(plan, out, ours=PLAN in before)
        remove_strangers(plan, out, files)
        with workspace(out) as folder, _watched(folder, watch) as tally:
            job = Job.of(plan, out, weights, str(folder), runs, features_weights)
            pending = {name: refs for name, refs in shards.items() if not job.is_finished(name, files)}
            started = time.time()
            if pending:
                remove(out / manifests.FILE)
                with truth_of(listing.truth, out):
                    run_graph(BuildShards(job, pending, workers, take_hints(options)), options)
            run = _run_facts(tally, started, workers, len(pending), beam_args)
            run |= {"config": dict(config or {}), **whereabouts(listing.refs)}
        return _finish(job, plan, shards, out, run)


def _finish(
    job: Job, plan: Plan, shards: dict[ShardName, tuple[ClipRef, ...]], out: Path, run: dict[str, Any]
) -> Built:
    files = held(out)
    receipts = manifests.read_receipts(plan, out)
    poses = plan.settings.poses
    skeleton = row(job.runs.get(poses.backbone, poses.backbone)).skeleton if poses.has_poses else ""
    manifest = manifests.make_manifest(plan, receipts, skeleton)
    results = gives_results(poses.kind, skeleton)
    if run["shards"] or _is_stale(manifest, out) or (results and RESULTS not in files):
        if results:
            held(out, "poses")
            manifest["coco_results"] = write_results(out, manifest)
        write_card(manifest, out)
        record_run(run, out)
        manifests.write_manifest(manifest, out)
    return Built(manifest, tuple(receipts), run, len(shards) - run["shards"])


def _is_stale(manifest: dict[str, Any], out: Path) -> bool:
    """Whether manifest.json is absent or damaged, or says something else than the receipts do by now."""
    try:
        told = manifests.read_manifest(out)
    except DataError:
        return True
    told.pop("coco_results", None)  # facts of a file that is made of the poses, later than this manifest
    return told != manifest


def _run_facts(
    tally: Tally, started: float, workers: int, shards: int, beam_args: Sequence[str]
) -> dict[str, Any]:
    counts = tally.read()
    return {
        "started": time.strftime("%Y-%m-%dT%H:%M:%SZ", time.gmtime(started)),
        "seconds": round(time.time() - started, 3),
        "machine": platform.platform(),
        "cpus": os.cpu_count(),
        "workers": workers,
        "beam_args": without_secrets(beam_args),
        "shards": shards,
        "decoded": counts["clips"],
        "frames": counts["frames"],
        "processes": {str(pid): dict(own) for pid, own in sorted(tally.by_process.items())},
    }


@contextmanager
def _watched(folder: Path, watch: Watch | None) -> Iterator[Tally]:
    """Read the workers' reports while the graph runs."""
    tally, over = Tally(folder), threading.Event()

    def look() -> None:
        while watch is not None and not over.wait(_LOOK_SECONDS):
            watch(tally.read())

    thread = threading.Thread(target=look, name="progress", daemon=True)
    thread.start()
    try:
        yield tally
    finally:
        over.set()
        thread.join()
        if watch is not None:
            watch(tally.read())
