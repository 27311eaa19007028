"""BuildShard: the DoFn in which everything after the shuffle happens."""

from collections.abc import Iterable, Iterator
from dataclasses import asdict, replace
from pathlib import Path
from typing import Any

import apache_beam as beam
from apache_beam.utils.shared import Shared

from posebeam.models.estimator import Estimator
from posebeam.models.frame_features import FrameFeatures
from posebeam.pipelines.clip import ClipRef
from posebeam.pipelines.job import Job
from posebeam.pipelines.packed import unpack
from posebeam.pipelines.plan import refs_digest
from posebeam.pipelines.product import build_shard
from posebeam.pipelines.progress import Reporter
from posebeam.pipelines.shard import ShardName

Keyed = tuple[str, Iterable[bytes]]


def open_parcel(job: Job, element: Keyed) -> tuple[Job, ShardName, tuple[ClipRef, ...]]:
    """The job of one shard, the shard, and its references, out of its name and one parcel of them (packed.py)."""
    name, (packed,) = element
    refs = unpack(packed)
    return replace(job, refs={name: refs_digest(refs)}), ShardName.parse(name), refs


class BuildShard(beam.DoFn):
    """(shard's name, its references packed) to the shard's receipt as a mapping; its files are written on the way.

    One estimator a process, and one extractor of features. torch gets a fixed number of threads: another
    number gives other last bits.
    """

    def __init__(self, job: Job):
        self._job = job
        self._shared, self._shared_extractor = Shared(), Shared()

    def setup(self) -> None:
        """Load the networks once a process."""
        import torch

        torch.set_num_threads(self._job.settings.poses.threads)
        self._estimator: Estimator = self._shared.acquire(self._job.load_estimator)
        self._extractor: FrameFeatures | None = None
        if self._job.settings.poses.features:
            self._extractor = self._shared_extractor.acquire(self._job.load_extractor)

    def process(self, element: Keyed) -> Iterator[dict[str, Any]]:
        """Build one shard."""
        job, name, refs = open_parcel(self._job, element)
        folder = Path(self._job.progress) if self._job.progress else None
        with Reporter(folder) as reporter:
            yield asdict(build_shard(job, name, refs, self._estimator, reporter, self._extractor))
