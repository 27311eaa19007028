"""ShardRows: the events of one shard's loop to all its products, however many row makers look at them."""

from pathlib import Path
from typing import Any, Protocol

from posebeam.models.estimator import Estimator
from posebeam.models.frame_features import FrameFeatures
from posebeam.pipelines.clip_list import ClipList
from posebeam.pipelines.clip_rows import ClipRows
from posebeam.pipelines.features.rows import FeatureRows
from posebeam.pipelines.images.rows import ImageRows
from posebeam.pipelines.job import Job
from posebeam.pipelines.lockstep import Ended, Event, Seen
from posebeam.pipelines.outcome import Outcome
from posebeam.pipelines.schema import Product, rejected
from posebeam.pipelines.stills.rows import StillRows

Filled = tuple[Product, Any, dict[str, str]]  # a product, its tables in order, its footer


class Rows(Protocol):
    """A row maker: looks at every event of the shard, then gives its products. Others see the same frames."""

    def take(self, event: Event) -> None: ...
    def products(self) -> list[Filled]: ...


class ShardRows:
    """Hands each event to every row maker, and keeps itself what became of the clips."""

    def __init__(self, job: Job, folder: Path, estimator: Estimator, extractor: FrameFeatures | None = None):
        self._job, self._skeleton = job, estimator.skeleton.name
        self.outcome = Outcome()
        self._makers = _makers(job, folder, estimator, self.outcome)
        if extractor is not None:
            self._makers.append(FeatureRows(job, folder, extractor))

    def take(self, event: Event) -> None:
        """Take in one event."""
        if isinstance(event, Seen):
            self.outcome.frames += 1
        elif isinstance(event, Ended):
            self.outcome.ended(event)
        else:
            self.outcome.failed(event)
        for maker in self._makers:
            maker.take(event)

    def products(self) -> list[Filled]:
        """Every product with its rows in order and its footer; rejected is the last."""
        filled = [product for maker in self._makers for product in maker.products()]
        return [*filled, (rejected(), iter(self.outcome.rejected), self._job.footer("rejected", self._skeleton))]


def _makers(job: Job, folder: Path, estimator: Estimator, outcome: Outcome) -> list[Rows]:
    """Who makes rows of this data set. folder takes their spools; outcome takes their warnings."""
    poses = job.settings.poses
    makers: list[Rows] = [ImageRows(job, folder, outcome)] if poses.images else []
    if poses.has_poses:
        makers.append((StillRows if poses.stills else ClipRows)(job, folder, estimator, outcome))
    elif not poses.stills:
        makers.append(ClipList(job))
    return makers
