"""Send: what is missing of a data set as a template's job. Nobody waits for it: the same build, run when the job
is over, finds every shard finished and puts them together.
"""

from collections.abc import Mapping, Sequence
from pathlib import Path

import apache_beam as beam

from posebeam.pipelines.engines.runner import check_sources, check_workers, pipeline_options, take_hints
from posebeam.pipelines.folder import alone
from posebeam.pipelines.graph import BuildShards
from posebeam.pipelines.job import Job
from posebeam.pipelines.listing import Listing
from posebeam.pipelines.plan import make_plan, write_plan
from posebeam.pipelines.settings import Settings
from posebeam.pipelines.stores.held import held


def send(
    listing: Listing, settings: Settings, out: Path, beam_args: Sequence[str], *, weights: str = "",
    features_weights: str = "", runs: Mapping[str, str] | None = None,
) -> int:  # fmt: skip
    """Write the plan, and the job of what is missing; how many shards that is. See build() for the arguments."""
    options = pipeline_options(1, beam_args)
    check_workers(options, settings.poses.device_kind, out, shared_disk=False)
    check_sources(options, listing, shared_disk=False)
    plan, shards = make_plan(listing, settings)
    with alone(out):
        files = held(out)
        write_plan(plan, out)
        job = Job.of(plan, out, weights, "", runs, features_weights)
        pending = {name: refs for name, refs in shards.items() if not job.is_finished(name, files)}
        graph = BuildShards(job, pending, hints=take_hints(options))
        pipeline = beam.Pipeline(options=options)
        _ = pipeline | graph
        pipeline.run()
    return len(pending)
