"""FeatureRows: the first frames of clips to rows of features."""

from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from posebeam.models.clip_features import LENGTH
from posebeam.models.frame_features import FrameFeatures, central_piece
from posebeam.pipelines.clip import ClipRef
from posebeam.pipelines.features.schema import feature_row, features
from posebeam.pipelines.job import Job
from posebeam.pipelines.lockstep import Ended, Event, Seen
from posebeam.pipelines.schema import Product, clip_columns
from posebeam.pipelines.spool import Spool


class FeatureRows:
    """Takes the events of one shard's loop, then gives the product features.

    Frames of several clips wait until they are a batch: which of them share one touches no bit of the result.
    """

    def __init__(self, job: Job, folder: Path, extractor: FrameFeatures):
        self._job, self._extractor = job, extractor
        self._spool = Spool(folder / "features.arrow", features(extractor.width))
        self._waiting: list[tuple[str, NDArray[np.uint8]]] = []
        self._found: dict[str, list[NDArray[np.float32]]] = {}  # of clips on their way
        self._ended: list[ClipRef] = []  # whose last frames may still wait

    def take(self, event: Event) -> None:
        """Take in one event."""
        clip_id = event.ref.clip_id
        if isinstance(event, Seen):
            if event.frame.number < LENGTH:
                self._waiting.append((clip_id, central_piece(event.frame.rgb)))
            if len(self._waiting) >= self._extractor.batch_size:
                self._flush()
        elif isinstance(event, Ended):
            self._ended.append(event.ref)
        else:
            self._waiting = [each for each in self._waiting if each[0] != clip_id]
            self._found.pop(clip_id, None)

    def _flush(self) -> None:
        """Features of all frames that wait, and the rows of clips that are whole with them."""
        found = self._extractor([piece for _, piece in self._waiting])
        for (clip_id, _), own in zip(self._waiting, found, strict=True):
            self._found.setdefault(clip_id, []).append(own)
        self._waiting = []
        for ref in self._ended:
            whole = np.stack(self._found.pop(ref.clip_id))
            self._spool.add((ref.clip_id, 0, 0), feature_row(clip_columns(ref, self._job.classes), whole))
        self._ended = []

    def products(self) -> list[tuple[Product, Any, dict[str, str]]]:
        """The rows in order, with their footer."""
        self._flush()
        return [(self._spool.product, self._spool.tables(lambda _: True), self._job.footer("features", ""))]
