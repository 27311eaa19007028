"""StillRows: what the loop saw of images, to rows of poses and people; a still has no windows."""

from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from posebeam.models.estimator import Estimator
from posebeam.models.registry import row
from posebeam.pipelines.clip import ClipRef
from posebeam.pipelines.images.rows import frame_id
from posebeam.pipelines.job import Job
from posebeam.pipelines.lockstep import Ended, Event, Seen
from posebeam.pipelines.outcome import Outcome
from posebeam.pipelines.schema import Product, clip_columns
from posebeam.pipelines.settings import ANNOTATED
from posebeam.pipelines.spool import Spool
from posebeam.pipelines.stills.ground_truth import GroundTruth, size_warnings
from posebeam.pipelines.stills.schema import people, people_rows, still_poses, still_rows
from posebeam.transforms.chain import chain
from posebeam.transforms.people import People
from posebeam.transforms.suppression import scores_in_boxes


class StillRows:
    """Takes the events of one shard's loop, then gives its products. Everybody in an image is kept."""

    def __init__(self, job: Job, folder: Path, estimator: Estimator, outcome: Outcome):
        self._job, self._outcome = job, outcome
        self._skeleton, kind = estimator.skeleton.name, job.settings.poses.kind
        self._poses = Spool(folder / "poses.arrow", still_poses())
        self._people = Spool(folder / "people.arrow", people()) if kind == "coco" else None
        self._truth = GroundTruth(job.folder) if kind in ANNOTATED else None
        poses = job.settings.poses
        self._boxed = row(job.runs.get(poses.backbone, poses.backbone)) if poses.detector else None
        self._sizes: dict[str, tuple[int, int]] = {}  # of images on their way
        self._built: set[str] = set()

    def take(self, event: Event) -> None:
        """Take in one event."""
        if isinstance(event, Seen):
            self._add(event)
            return
        size = self._sizes.pop(event.ref.clip_id, None)
        if isinstance(event, Ended):
            self._built.add(event.ref.clip_id)
            if size:
                self._add_annotated(event.ref, size)

    def _add(self, event: Seen) -> None:
        """Everybody seen in one image, or frame of a video."""
        ref, seen, rule = event.ref, event.people, self._job.settings.windows
        height, width = event.frame.rgb.shape[:2]
        self._sizes[ref.clip_id] = width, height
        if not len(seen):
            return
        truth = None if self._truth is None else self._truth.of(ref.clip_id)
        image_id = None if truth is None else truth["image_id"]
        valid = seen.score >= rule.min_score
        xy13, valid13 = chain(rule.chain).norm13(
            seen.xy[:, None], valid[:, None], source=self._skeleton, layout_name=rule.layout
        )
        columns = {**clip_columns(ref, self._job.classes), "clip_id": frame_id(ref, event.frame)}
        norm13 = xy13[:, 0], valid13[:, 0]
        sure = self._sure(seen)
        rows = still_rows(columns, image_id, (width, height), seen, sure, norm13)
        self._poses.add((ref.clip_id, 0, event.frame.number), rows)

    def _sure(self, seen: People) -> NDArray[np.float64]:
        """How sure each person [P] is: of those in boxes by box and joints, as coco-eval takes them."""
        least = self._job.settings.windows.min_score
        if self._boxed is None:
            return seen.sureness(least)
        return scores_in_boxes(seen, least, self._boxed.view == "top-down")

    def _add_annotated(self, ref: ClipRef, size: tuple[int, int]) -> None:
        truth = None if self._truth is None else self._truth.of(ref.clip_id)
        if truth is not None and self._people is not None:
            rows = people_rows(ref.clip_id, truth["image_id"], size, truth["people"])
            self._people.add((ref.clip_id, 0, 0), rows)
            self._outcome.warnings += size_warnings(ref.clip_id, truth, size)

    def products(self) -> list[tuple[Product, Any, dict[str, str]]]:
        """Every product with its rows in order and its footer."""
        tables = [
            (spool.product, spool.tables(lambda key: key[0] in self._built))
            for spool in (self._poses, self._people)
            if spool
        ]
        return [(product, rows, self._job.footer(product.name, self._skeleton)) for product, rows in tables]
