"""Stored people are as sure as coco-eval finds them: what a build exports has coco-eval's average precision."""

from dataclasses import asdict, replace

import pytest

from posebeam.models.registry import load_detector, load_estimator, row, weights_sha256
from posebeam.pipelines.build import build
from posebeam.pipelines.coco.ap import Truth, average_precision
from posebeam.pipelines.coco.entries import read_results
from posebeam.pipelines.coco.people import InBoxes, coco_people
from posebeam.pipelines.coco.results import export_results
from posebeam.pipelines.settings import PoseSettings, Settings
from posebeam.pipelines.sources import coco
from posebeam.transforms.windows import WindowRule


@pytest.mark.parametrize(
    ("name", "detector"), [("movenet-multipose", ""), ("movenet-thunder", "movenet-multipose")]
)
def test_exported_results_score_as_coco_eval_does_on_real_images(name, detector, foreign_data, tmp_path):
    annotations = foreign_data / "coco/annotations/person_keypoints_train2017_subset.json"
    listing = coco.list_clips(foreign_data / "coco/images", annotations=annotations)
    boxes = {"detector": detector, "detector_sha256": weights_sha256(detector)} if detector else {}
    poses = PoseSettings("coco", name, weights_sha256(name), crop_following=False, **boxes)
    build(listing, Settings(poses, WindowRule(min_score=row(name).min_score)), tmp_path / "out")
    count = export_results(tmp_path / "out", tmp_path / "results.json")
    truth = Truth(annotations)
    stored = average_precision(truth, read_results(tmp_path / "results.json", truth.images))

    estimator = load_estimator(name, device="cpu", crop_following=False)
    if detector:
        estimator = InBoxes(estimator, load_detector(detector, device="cpu", min_person=0.0))
    seen = coco_people(listing, row(name), estimator, in_boxes=bool(detector))
    expected = average_precision(truth, seen.results, list(seen.images))
    assert asdict(stored) == asdict(replace(expected, results=count))
    assert stored.AP > 0.2
    assert len(seen.results) - count in (0, 1)  # coco-eval keeps who shows no joint at all
