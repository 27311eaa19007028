"""ImageRows: the pictures themselves, as they come through the loop, to rows of images."""

from pathlib import Path
from typing import Any

import cv2

from posebeam.pipelines.clip import ClipRef
from posebeam.pipelines.decode import Frame
from posebeam.pipelines.images.schema import image_row, images
from posebeam.pipelines.job import Job
from posebeam.pipelines.lockstep import Ended, Event, Seen
from posebeam.pipelines.outcome import Outcome
from posebeam.pipelines.schema import Product, clip_columns
from posebeam.pipelines.settings import ANNOTATED
from posebeam.pipelines.spool import Spool
from posebeam.pipelines.stills.ground_truth import GroundTruth, size_warnings

QUALITY = 95  # of the JPEG that a frame of a video becomes


class ImageRows:
    """Takes the events of one shard's loop, then gives the product images. Pictures wait on disk."""

    def __init__(self, job: Job, folder: Path, outcome: Outcome):
        self._job, self._outcome = job, outcome
        self._images = Spool(folder / "images.arrow", images())
        self._truth = GroundTruth(job.folder) if job.settings.poses.kind in ANNOTATED else None
        self._built: set[str] = set()

    def take(self, event: Event) -> None:
        """Take in one event."""
        if isinstance(event, Seen):
            self._add(event.ref, event.frame)
        elif isinstance(event, Ended):
            self._built.add(event.ref.clip_id)

    def _add(self, ref: ClipRef, frame: Frame) -> None:
        truth = None if self._truth is None else self._truth.of(ref.clip_id)
        height, width = frame.rgb.shape[:2]
        row = image_row(
            clip_columns(ref, self._job.classes),
            frame_id(ref, frame),
            truth["image_id"] if truth else None,
            (width, height),
            encoded(frame),
            truth["people"] if truth else (),
        )
        self._images.add((ref.clip_id, 0, frame.number), row)
        self._outcome.warnings += size_warnings(ref.clip_id, truth, (width, height))

    def products(self) -> list[tuple[Product, Any, dict[str, str]]]:
        """The images of what was read to its end, in order, with their footer."""
        rows = self._images.tables(lambda key: key[0] in self._built)
        return [(self._images.product, rows, self._job.footer("images", ""))]


def frame_id(ref: ClipRef, frame: Frame) -> str:
    """What names a picture: the image's path; of a video its path, # and the frame's number in six digits."""
    return ref.clip_id if frame.encoded else f"{ref.clip_id}#{frame.number:06d}"


def encoded(frame: Frame) -> bytes:
    """The file's own bytes, or a frame of a video, uint8 RGB [H, W, 3], as JPEG."""
    if frame.encoded:
        return frame.encoded
    bgr = cv2.cvtColor(frame.rgb, cv2.COLOR_RGB2BGR)
    return cv2.imencode(".jpg", bgr, [cv2.IMWRITE_JPEG_QUALITY, QUALITY])[1].tobytes()
