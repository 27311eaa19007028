"""Results and detections that others wrote: read as they are, or refused with the entry that is wrong."""

import json
from pathlib import Path

import numpy as np
import pytest

from posebeam.pipelines.coco.entries import read_boxes, read_results
from posebeam.transforms.errors import SourceError

IMAGES = {7, 8}


def result(**more: object) -> dict[str, object]:
    return {"image_id": 7, "category_id": 1, "keypoints": [1.5] * 51, "score": 0.5, **more}


def box(**more: object) -> dict[str, object]:
    return {"image_id": 7, "category_id": 1, "bbox": [1, 2, 30, 40], "score": 0.5, **more}


def written(folder: Path, content: object) -> Path:
    path = folder / "entries.json"
    path.write_text(content if isinstance(content, str) else json.dumps(content))
    return path


def test_results_are_read_as_they_stand(tmp_path):
    entries = [result(), result(image_id=8, score=-3, center=[1, 2]), result(category_id=2)]
    assert read_results(written(tmp_path, entries), IMAGES) == entries
    assert read_results(written(tmp_path, []), IMAGES) == []


@pytest.mark.parametrize(
    ("content", "problem"),
    [
        ("", "is no JSON"), ("[NaN]", "NaN is no number of JSON"), ("[" * 100_000, "is no JSON"),
        (b"\xff\xfe\x00".decode("latin1"), "is no JSON"),
        ({"annotations": []}, r"holds \{'annotations': \[\]\}, expected a list of results"),
        ([3], "entry 0 is 3, expected an object"),
        ([result(), result(image_id="7")], "entry 1: image_id is '7', expected a whole number"),
        ([result(image_id=True)], "image_id is True"),
        ([result(image_id=9)], "entry 0: image 9 is not among the 2 images of the annotations"),
        ([result(category_id=None)], "category_id is None, expected a whole number"),
        ([result(keypoints=[1, 2, 3])], r"keypoints is \[1, 2, 3\], expected 51 numbers"),
        ([result(keypoints=[1.5] * 50 + ["x"])], "expected 51 numbers"),
        ([result(score="high")], "score is 'high', expected a number"),
        ('[{"image_id": 7, "category_id": 1, "score": 1e999}]', "score is inf"),
        ([result(score=10**400)], "score is 1000.*expected a number"),
        ([result(), result(bbox=[1, 2, 3, 4])], "1 of 2 entries have bbox, expected all or none"),
        ([result(bbox=[])], r"bbox is \[\], expected 4 numbers"),
        ([result(segmentation={})], "has segmentation: these are no keypoint results"),
        ([result(caption="a man")], "has caption"),
    ],
)  # fmt: skip
def test_results_that_are_wrong_say_where(tmp_path, content, problem):
    with pytest.raises(SourceError, match=problem):
        read_results(written(tmp_path, content), IMAGES)


def test_a_file_that_is_not_there_is_told(tmp_path):
    with pytest.raises(SourceError, match="No such file"):
        read_results(tmp_path / "none.json", IMAGES)


def test_boxes_of_persons_are_sorted_by_image_and_score(tmp_path):
    entries = [
        box(score=0.1), box(score=0.9), box(score=0.1, bbox=[5, 6, 7, 8]),
        box(category_id=18), box(image_id=99), box(image_id=8, bbox=[0.5, 0, 0, 0]),
    ]  # fmt: skip
    boxes = read_boxes(written(tmp_path, entries), IMAGES | {10})
    np.testing.assert_array_equal(boxes[7], [[1, 2, 30, 40, 0.9], [1, 2, 30, 40, 0.1], [5, 6, 7, 8, 0.1]])
    np.testing.assert_array_equal(boxes[8], [[0.5, 0, 0, 0, 0.5]])
    assert boxes[10].shape == (0, 5)


@pytest.mark.parametrize(
    ("content", "problem"),
    [
        ([box(bbox=[1, 2, -3, 4])], r"entry 0: bbox is \[1, 2, -3, 4\], expected a width and a height >= 0"),
        ([box(bbox=[1, 2, 3])], "expected 4 numbers"),
        ([box(image_id=99)], r"no box of a person \(category_id 1\) in any of the 2 images"),
        ([], "no box of a person"),
    ],
)
def test_boxes_that_are_wrong_say_where(tmp_path, content, problem):
    with pytest.raises(SourceError, match=problem):
        read_boxes(written(tmp_path, content), IMAGES)


def test_real_detections_are_read(foreign_data):
    boxes = read_boxes(
        foreign_data / "coco/mmpose_val2017/test_coco_det_AP_H_56.json", {785, 40083, 196141, 197388}
    )
    assert len(boxes[785]) > 3
    assert (np.diff(boxes[785][:, 4]) <= 0).all()
