"""StillRows: what the loop saw of images, to rows of poses and people; a still has no windows."""

from pathlib import Path
from typing import Any

from posebeam.models.estimator import Estimator
from posebeam.pipelines.clip import ClipRef
from posebeam.pipelines.ground_truth import GroundTruth
from posebeam.pipelines.job import Job
from posebeam.pipelines.lockstep import Ended, Event, Seen
from posebeam.pipelines.outcome import Outcome
from posebeam.pipelines.schema import Product, clip_columns
from posebeam.pipelines.spool import Spool
from posebeam.pipelines.still_schema import people, people_rows, still_poses, still_rows
from posebeam.transforms.chain import chain
from posebeam.transforms.people import People


class StillRows:
    """Takes the events of one shard's loop, then gives its products. Everybody in an image is kept."""

    def __init__(self, job: Job, folder: Path, estimator: Estimator, outcome: Outcome):
        self._job = job
        self._skeleton = estimator.skeleton.name
        self._poses = Spool(folder / "poses.arrow", still_poses())
        annotated = job.settings.poses.kind == "coco"
        self._people = Spool(folder / "people.arrow", people()) if annotated else None
        self._truth = GroundTruth(Path(job.out)) if annotated else None
        self._seen: dict[str, tuple[tuple[int, int], People]] = {}
        self._outcome = outcome

    def take(self, event: Event) -> None:
        """Take in one event."""
        ref = event.ref
        if isinstance(event, Seen):
            height, width = event.frame.rgb.shape[:2]
            self._seen[ref.clip_id] = (width, height), event.people
        elif isinstance(event, Ended):
            self._add(ref, *self._seen.pop(ref.clip_id))
        else:
            self._seen.pop(ref.clip_id, None)

    def _add(self, ref: ClipRef, size: tuple[int, int], seen: People) -> None:
        rule, truth = self._job.settings.windows, None if self._truth is None else self._truth.of(ref.clip_id)
        image_id = None if truth is None else truth["image_id"]
        if len(seen):
            valid = seen.score >= rule.min_score
            xy13, valid13 = chain(rule.chain).norm13(
                seen.xy[:, None], valid[:, None], source=self._skeleton, layout_name=rule.layout
            )
            columns = clip_columns(ref, self._job.classes)
            rows = still_rows(columns, image_id, size, seen, rule.min_score, (xy13[:, 0], valid13[:, 0]))
            self._poses.add((ref.clip_id, 0, 0), rows)
        if truth is not None and self._people is not None:
            self._people.add(
                (ref.clip_id, 0, 0), people_rows(ref.clip_id, truth["image_id"], size, truth["people"])
            )
            self._compare(ref, size, (truth["width"], truth["height"]))

    def _compare(self, ref: ClipRef, size: tuple[int, int], annotated: tuple[int, int]) -> None:
        if all(annotated) and annotated != size:
            was, now = (f"{width} x {height}" for width, height in (annotated, size))
            text = f"annotated as {was}, the image is {now} (turned by EXIF?): its people stand elsewhere in it"
            self._outcome.warnings.append((ref.clip_id, text))

    def products(self) -> list[tuple[Product, Any, dict[str, str]]]:
        """Every product with its rows in order and its footer."""
        tables = [(spool.product, spool.tables(lambda _: True)) for spool in (self._poses, self._people) if spool]
        return [(product, rows, self._job.footer(product.name, self._skeleton)) for product, rows in tables]
