"""The graph: references to shards to receipts."""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import replace

import apache_beam as beam

from posebeam.pipelines.clip import ClipRef
from posebeam.pipelines.estimate import BuildShard, Keyed, open_parcel
from posebeam.pipelines.job import Job
from posebeam.pipelines.packed import pack
from posebeam.pipelines.shard import ShardName


class BuildShards(beam.PTransform):
    """Pipeline to receipts. The only shuffle is over references, a parcel a shard; all that follows it is fused.

    The job travels without the digests of its shards: a worker takes its own shard's from the references.

    hints, Beam's resource hints such as {"accelerator": "type:nvidia-l4;count:1"}, stand on all of it from the
    decoder to the files: hints that differ within would send every frame over the network.
    """

    def __init__(
        self, job: Job, shards: Mapping[ShardName, Sequence[ClipRef]], workers: int = 1,
        hints: Mapping[str, str] | None = None,
    ):  # fmt: skip
        super().__init__()
        self._job, self._hints = replace(job, refs={}), dict(hints or {})
        self._pairs = [(str(name), pack(shards[name])) for name in deal(shards, workers)]

    def expand(self, pipeline: beam.Pipeline) -> beam.PCollection:
        """refs -> group by shard -> skip what is finished -> build."""
        return (
            pipeline
            | beam.Impulse()
            | "References" >> beam.ParDo(_Parcels(self._pairs)).with_output_types(tuple[str, bytes])
            | "Shards" >> beam.GroupByKey()
            | "FramesToFiles" >> _FramesToFiles(self._job).with_resource_hints(**self._hints)
        )


class _Parcels(beam.DoFn):
    """The beginning: shards' names with their references. beam.Create would put them into the graph thrice."""

    def __init__(self, pairs: Sequence[tuple[str, bytes]]):
        self._pairs = pairs

    def process(self, element: bytes) -> Iterator[tuple[str, bytes]]:
        """All of them."""
        yield from self._pairs


class _FramesToFiles(beam.PTransform):
    """Shards of references to receipts: everything that is dear, on one kind of worker."""

    def __init__(self, job: Job):
        super().__init__()
        self._job = job

    def expand(self, shards: beam.PCollection) -> beam.PCollection:
        """skip what is finished -> build."""
        job = self._job
        return shards | "SkipFinished" >> beam.Filter(_is_unfinished, job) | "Build" >> beam.ParDo(BuildShard(job))


def _is_unfinished(element: Keyed, job: Job) -> bool:
    own, name, _ = open_parcel(job, element)
    return not own.is_finished(name)


def deal(shards: Mapping[ShardName, Sequence[ClipRef]], workers: int) -> list[ShardName]:
    """An order of the shards that loads the workers evenly.

    Beam's local runner deals key k to worker k % workers and never rebalances: heaviest first, and every
    other round backwards, so that no worker always gets the heavier one.
    """
    heavy = sorted(shards, key=lambda name: (-sum(ref.size for ref in shards[name]), name))
    rounds = [heavy[first : first + workers] for first in range(0, len(heavy), workers)]
    return [name for number, dealt in enumerate(rounds) for name in (reversed(dealt) if number % 2 else dealt)]
