"""ClipList: rows of clips where nobody looks for people: each clip is listed, built or rejected."""

from collections import Counter
from typing import Any

import pyarrow as pa

from posebeam.pipelines.job import Job
from posebeam.pipelines.lockstep import Ended, Event, Seen
from posebeam.pipelines.schema import Product, clip_columns, clip_row, clips


class ClipList:
    """Takes the events of one shard's loop, then gives the product clips: no people, no windows."""

    def __init__(self, job: Job):
        self._job = job
        self._frames: Counter[str] = Counter()
        self._over: dict[str, pa.Table] = {}

    def take(self, event: Event) -> None:
        """Take in one event."""
        clip_id = event.ref.clip_id
        if isinstance(event, Seen):
            self._frames[clip_id] += 1
            return
        columns = clip_columns(event.ref, self._job.classes)
        self._over[clip_id] = clip_row(
            columns, self._frames.pop(clip_id, 0), rejected=not isinstance(event, Ended)
        )

    def products(self) -> list[tuple[Product, Any, dict[str, str]]]:
        """The clips in order, with their footer."""
        return [(clips(), (self._over[name] for name in sorted(self._over)), self._job.footer("clips", ""))]
