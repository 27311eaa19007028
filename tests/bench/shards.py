"""Shards: end to end as a worker goes from videos to Parquet, without Beam and its start-up."""

import shutil
import tempfile
import time
from collections.abc import Sequence
from pathlib import Path

from posebeam.models.estimator import Estimator
from posebeam.models.registry import load_estimator
from posebeam.pipelines.clip import ClipRef
from posebeam.pipelines.job import Job
from posebeam.pipelines.listing import Listing
from posebeam.pipelines.plan import make_plan
from posebeam.pipelines.product import build_shard
from posebeam.pipelines.progress import Reporter
from posebeam.workflows.build_settings import settings_of
from posebeam.workflows.commands.build import BuildConfig


class Builder:
    """Builds one shard of clips again and again: decode, estimate, follow, cut windows, write, hash.

    What is not in a build's rate: loading the network, Beam, manifest and card.
    """

    def __init__(self, backbone: str, device: str = "cpu", batch: int = 32):
        self._config = BuildConfig(backbone=backbone, device=device, batch_size=batch, shards=1)
        self.estimator: Estimator = load_estimator(backbone, device=device, batch_size=batch)

    def rate(self, refs: Sequence[ClipRef]) -> float:
        """Frames a second."""
        plan, shards = make_plan(Listing(tuple(refs)), settings_of("videos", self._config))
        ((name, own),) = shards.items()
        folder = Path(tempfile.mkdtemp(prefix="posebeam-bench-"))
        try:
            job = Job.of(plan, folder, "", "")
            started = time.perf_counter()
            receipt = build_shard(job, name, own, self.estimator, Reporter(None))
            seconds = time.perf_counter() - started
        finally:
            shutil.rmtree(folder)
        if receipt.rejected or not any(file.rows for file in receipt.files if file.product == "windows"):
            raise SystemExit(f"{receipt.rejected} clips rejected, or no windows: nothing that a rate can be of")
        return receipt.frames / seconds
