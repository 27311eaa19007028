"""CocoSight: the people whom a backbone sees in COCO's images, where the flags of coco-eval let it look."""

from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from posebeam.models.detector import Detector, PoseDetector
from posebeam.models.estimator import Estimator
from posebeam.models.looks import load_looks
from posebeam.models.registry import detector_row, load_detector, load_estimator, row
from posebeam.pipelines.coco.ap import Truth
from posebeam.pipelines.coco.entries import read_boxes
from posebeam.pipelines.coco.people import CocoPeople, InBoxes, annotated_boxes, coco_people, listed_boxes
from posebeam.pipelines.listing import Listing
from posebeam.workflows.console import clip_progress, say

if TYPE_CHECKING:
    from posebeam.workflows.commands.coco_eval import CocoEvalConfig

_DETECTOR = "movenet-multipose"  # for a backbone without one of its own: it is embedded


def see(listing: Listing, truth: Truth, settings: "CocoEvalConfig") -> tuple[str, str, CocoPeople]:
    """Kind of the boxes, where they are from, and the people."""
    facts = row(settings.backbone)
    kind = settings.boxes or ("detector" if facts.view == "top-down" or settings.detector else "none")
    if settings.detector and kind != "detector":
        raise click.UsageError(f"--detector is for --boxes detector, not for --boxes {kind}.")
    if settings.scales > 1 and kind not in ("none", "detector"):
        raise click.UsageError(f"--scales is for who sees whole frames, not for --boxes {kind}.")
    estimator: Any = _estimator(settings, kind)
    boxes, name = None, ""
    if kind == "detector":
        name = settings.detector or facts.detector or _DETECTOR
        estimator = InBoxes(estimator, _detector(name, settings))
    elif kind != "none":
        path = Path(settings.annotations if kind == "gt" else kind)
        given = annotated_boxes(truth, facts) if kind == "gt" else listed_boxes(read_boxes(path, truth.images))
        estimator, boxes, kind, name = InBoxes(estimator), given, "gt" if kind == "gt" else "file", path.name
    with clip_progress(len(listing.refs)) as watch:
        seen = coco_people(listing, facts, estimator, boxes=boxes, in_boxes=kind != "none", watch=watch)
    for image, text in (*seen.failed, *seen.warnings):
        say(f"{image}: {text}")
    return kind, name, seen


def _estimator(settings: "CocoEvalConfig", kind: str) -> Estimator:
    """The backbone. --scales and --flip concern who sees whole frames: several looks of the backbone, or of the
    detector of a backbone that was published without flip test.
    """
    weights = Path(settings.weights) if settings.weights else None
    if kind == "none" and (settings.scales > 1 or settings.flip):
        return load_looks(
            settings.backbone, device=settings.device, weights=weights, batch_size=settings.batch_size,
            decode=settings.decode, scales=settings.scales, flip=settings.flip,
        )  # fmt: skip
    flip = settings.flip and (kind != "detector" or row(settings.backbone).view == "top-down")
    return load_estimator(
        settings.backbone, device=settings.device, weights=weights, batch_size=settings.batch_size,
        decode=settings.decode, crop_following=False, flip=flip,
    )  # fmt: skip


def _detector(name: str, settings: "CocoEvalConfig") -> Detector:
    """All its boxes, however unsure; of a pose backbone the people's boxes, in as many looks as are wanted."""
    facts = detector_row(name)
    way: dict[str, Any] = {"device": settings.device, "batch_size": settings.batch_size}
    if settings.scales > 1 or (settings.flip and facts.view == "whole-frame"):
        return PoseDetector(load_looks(name, **way, scales=settings.scales, flip=settings.flip))
    return load_detector(name, **way, min_person=0.0)
