"""The graph: what travels in it grows by little with the clips, and by nothing with what the job knows."""

from pathlib import Path

import apache_beam as beam

from posebeam.pipelines.clip import ClipRef
from posebeam.pipelines.graph import BuildShards
from posebeam.pipelines.job import Job
from posebeam.pipelines.listing import Listing
from posebeam.pipelines.plan import make_plan
from posebeam.pipelines.settings import PoseSettings, Settings
from posebeam.transforms.windows import WindowRule

SETTINGS = Settings(PoseSettings("videos", "movenet-lightning", "0" * 64), WindowRule(min_score=0.2))


def graph_bytes(clips: int) -> int:
    """The size of the graph of a build of so many clips, as it is sent to an engine."""
    names = [f"some action {n % 2}/{n * 2654435761 % 2**32:08x}abc_{n:06d}.mp4" for n in range(clips)]
    refs = [ClipRef(f"gs://bucket/{name}", name, name[:13], name, "train", n) for n, name in enumerate(names)]
    plan, shards = make_plan(Listing(tuple(refs)), SETTINGS)
    pipeline = beam.Pipeline()
    _ = pipeline | BuildShards(Job.of(plan, Path("out"), "", ""), shards)
    return pipeline.to_runner_api().ByteSize()


def test_a_clip_costs_few_bytes_of_the_graph():
    few, many = graph_bytes(100), graph_bytes(4100)
    assert 20 < (many - few) / 4000 < 50  # each packed, written as text, once
