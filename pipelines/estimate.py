"""BuildShard: the DoFn in which everything after the shuffle happens."""

from collections.abc import Iterable, Iterator
from dataclasses import asdict
from pathlib import Path
from typing import Any

import apache_beam as beam
from apache_beam.utils.shared import Shared

from posebeam.models.estimator import Estimator
from posebeam.models.frame_features import FrameFeatures
from posebeam.pipelines.clip import ClipRef
from posebeam.pipelines.job import Job
from posebeam.pipelines.product import build_shard
from posebeam.pipelines.progress import Reporter
from posebeam.pipelines.shard import ShardName

Keyed = tuple[str, Iterable[ClipRef | None]]


class BuildShard(beam.DoFn):
    """(shard's name, references) to the shard's receipt as a mapping; its files are written on the way.

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
        name, refs = element
        folder = Path(self._job.progress) if self._job.progress else None
        with Reporter(folder) as reporter:
            clips = [ref for ref in refs if ref is not None]
            shard = ShardName.parse(name)
            receipt = build_shard(self._job, shard, clips, self._estimator, reporter, self._extractor)
            yield asdict(receipt)
