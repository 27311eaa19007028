"""BuildWork: what posebeam build does with its flags: list, build, send, or say what it would do."""

from dataclasses import asdict
from pathlib import Path
from typing import TYPE_CHECKING, Any

from posebeam.models.registry import run_folders
from posebeam.pipelines.build import Built, build
from posebeam.pipelines.listing import Listing
from posebeam.workflows.build_settings import settings_of
from posebeam.workflows.console import clip_progress
from posebeam.workflows.source import list_clips

if TYPE_CHECKING:
    from posebeam.workflows.commands.build import BuildConfig


def clips_of(kind: str, source: Path, config: "BuildConfig") -> Listing:
    """The clips of SOURCE, as the flags want them."""
    return list_clips(
        kind, source, split=config.split, group=config.group, seed=config.seed, limit=config.limit,
        allow_missing=config.allow_missing, annotations=config.annotations,
    )  # fmt: skip


def build_data(listing: Listing, kind: str, out: Path, config: "BuildConfig", beam_args: list[str]) -> Built:
    """Build with live progress; run.json takes the resolved configuration."""
    settings = settings_of(kind, config)
    with clip_progress(len(listing.refs)) as watch:
        return build(
            listing, settings, out, weights=config.weights, features_weights=config.features_weights,
            runs=run_folders(config.backbone, config.detector),
            workers=config.workers, beam_args=beam_args, overwrite=config.overwrite,
            shared_disk=config.shared_disk, config=asdict(config), watch=watch,
        )  # fmt: skip


def send_job(
    listing: Listing, kind: str, out: Path, config: "BuildConfig", beam_args: list[str]
) -> dict[str, Any]:
    """For a template's launcher: the job is written down, and nobody waits for its end. Facts to tell."""
    from posebeam.pipelines.send import send

    shards = send(
        listing, settings_of(kind, config), out, beam_args, weights=config.weights,
        features_weights=config.features_weights, runs=run_folders(config.backbone, config.detector),
    )  # fmt: skip
    return {"shards sent": shards, "when the job is over": "the same posebeam build puts the data set together"}


def dry_run_facts(
    listing: Listing, kind: str, out: Path, config: "BuildConfig", beam_args: list[str]
) -> dict[str, Any]:
    """What a build would do, and on what engine; nothing is written."""
    from posebeam.pipelines.engines.runner import check_workers, pipeline_options, told
    from posebeam.pipelines.job import Job
    from posebeam.pipelines.plan import make_plan
    from posebeam.pipelines.stores.held import held

    options = pipeline_options(config.workers, beam_args)
    settings = settings_of(kind, config)
    check_workers(options, settings.poses.device_kind, out, config.shared_disk)
    plan, shards = make_plan(listing, settings)
    job = Job.of(plan, out, config.weights, "")
    files = held(out)
    pending = [name for name in shards if not job.is_finished(name, files)]
    return {
        "clips": len(listing.refs), "classes": len(plan.classes), "missing": plan.missing,
        "shards": len(shards), "shards to build": len(pending),
        "clips to build": sum(len(shards[name]) for name in pending),
        "backbone": config.backbone or "none", "features": config.features or "none",
        "configuration": plan.hash[:16],
        **told(options),
    }  # fmt: skip
