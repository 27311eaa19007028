"""Dataflow job: what a build would send to Dataflow, as JSON, without sending it. Arguments: Beam's flags.

A program of its own, because Beam's module for Dataflow wants packages that posebeam does without.
"""

import json
import sys
from pathlib import Path
from typing import Any

from apache_beam import Pipeline
from apache_beam.options.pipeline_options import PipelineOptions
from apache_beam.runners.dataflow.dataflow_runner import DataflowRunner
from apache_beam.runners.dataflow.internal import apiclient

from posebeam.pipelines.clip import ClipRef
from posebeam.pipelines.engines.runner import pipeline_options, take_hints
from posebeam.pipelines.graph import BuildShards
from posebeam.pipelines.job import Job
from posebeam.pipelines.listing import Listing
from posebeam.pipelines.plan import make_plan
from posebeam.pipelines.settings import PoseSettings, Settings
from posebeam.transforms.windows import WindowRule


def graph(options: PipelineOptions) -> BuildShards:
    """The graph of a build on GPUs of two clips, which need not be there."""
    refs = tuple(ClipRef(f"gs://bucket/{n}.mp4", f"{n}.mp4", "label", f"g{n}", "train", 1) for n in range(2))
    poses = PoseSettings("videos", "movenet-lightning", "0" * 64, device_kind="cuda")
    plan, shards = make_plan(Listing(refs), Settings(poses, WindowRule(min_score=0.2)))
    return BuildShards(Job.of(plan, Path("out"), "", ""), shards, hints=take_hints(options))


def translated(options: PipelineOptions) -> tuple[Any, Any]:
    """The portable pipeline as Dataflow's runner leaves it, and the environment of its job."""
    built, runner = graph(options), DataflowRunner()
    pipeline = Pipeline(runner=runner, options=options)
    _ = pipeline | built
    pipeline.run()
    proto = runner.proto_pipeline
    return proto, apiclient.Environment([], options, "8", "gs://bucket/pipeline.pb", proto).proto


def facts(proto: Any, environment: Any) -> dict[str, Any]:
    """Hints by step, and of the workers what can be told from the request."""
    components, (pool,) = proto.components, environment.worker_pools
    return {
        "hints": {
            step.unique_name: sorted(
                hint.decode() for hint in components.environments[step.environment_id].resource_hints.values()
            )
            for step in components.transforms.values()
            if step.environment_id
        },
        "images": sorted({image.container_image for image in pool.sdk_harness_container_images}),
        "single_core": sorted(
            {image.use_single_core_per_container for image in pool.sdk_harness_container_images}
        ),
        "machine_type": pool.machine_type,
        "disk_size_gb": pool.disk_size_gb,
        "num_workers": pool.num_workers,
        "max_num_workers": pool.autoscaling_settings.max_num_workers,
        "experiments": list(environment.experiments),
        "service_options": list(environment.service_options),
    }


if __name__ == "__main__":
    print(json.dumps(facts(*translated(pipeline_options(1, sys.argv[1:])))))
