"""People seen in COCO's images as results: the images' numbers, scores, boxes, and whoever is seen twice."""

import json
from collections.abc import Sequence
from pathlib import Path

import cv2
import numpy as np
import pytest

from posebeam.models.detector import Boxes
from posebeam.models.registry import row
from posebeam.pipelines.coco.ap import Truth, average_precision
from posebeam.pipelines.coco.people import InBoxes, annotated_boxes, coco_people, listed_boxes
from posebeam.pipelines.sources import coco
from posebeam.transforms.people import People
from posebeam.transforms.skeleton import skeleton

ROW = row("movenet-thunder")
SCORES = np.linspace(0.1, 0.9, 17, dtype=np.float32)  # of a person's joints


def places(box: Sequence[float]) -> np.ndarray:
    """xy [17, 2] of a made person that fills a box x, y, w, h, counted as COCO counts."""
    steps = np.column_stack([np.arange(17) % 5 / 4, np.arange(17) / 16])
    return np.array(box[:2]) + steps * np.array(box[2:])


class Looker:
    """A backbone that sees in each box one person who fills it, with SCORES."""

    name, min_score, device_kind, halvings, batch_size = "looker", 0.2, "cpu", 0, 8
    skeleton = skeleton("coco17")

    def in_boxes(self, frames: Sequence[np.ndarray], boxes: Sequence[np.ndarray]) -> list[People]:
        return [self._people(each) for each in boxes]

    def _people(self, boxes: np.ndarray) -> People:
        P = len(boxes)
        xy = np.stack([places(box) + 0.5 for box in boxes]) if P else np.zeros((0, 17, 2))
        corners = np.concatenate((boxes[:, :2], boxes[:, :2] + boxes[:, 2:]), 1).astype(np.float32)
        return People("coco17", xy.astype(np.float32), np.tile(SCORES, (P, 1)), corners)


class Seer(Looker):
    """Sees two people in every whole frame, the surer one last; says how sure it is if it `knows`."""

    wants_hints, several = False, True

    def __init__(self, knows: bool):
        self._knows = knows

    def __call__(self, frames: Sequence[np.ndarray], hints: Sequence[None]) -> list[People]:
        people = self._people(np.array([BOXES[11][0], BOXES[11][1]], np.float64))
        score = people.score * np.float32([[0.5], [1]])
        sure = np.float32([0.9, 0.1]) if self._knows else None
        return [People("coco17", people.xy, score, people.boxes, sure=sure) for _ in frames]


BOXES = {11: [(20, 30, 60, 120), (150, 40, 50, 100)], 12: [], 13: [(100, 50, 90, 150)]}


@pytest.fixture
def source(tmp_path) -> tuple[Path, Path]:
    """Three images, with two, no and one person, and their annotations; numbers against the names' order."""
    (tmp_path / "images").mkdir()
    pictures, people = [], []
    for number, boxes in BOXES.items():
        name = f"{30 - number}.png"
        cv2.imwrite(str(tmp_path / "images" / name), np.zeros((240, 320, 3), np.uint8))
        pictures.append({"id": number, "file_name": name, "height": 240, "width": 320})
        for box in boxes:
            points = np.column_stack([places(box), np.full(17, 2)]).ravel().tolist()
            people.append({
                "id": len(people) + 1, "image_id": number, "category_id": 1, "iscrowd": 0, "bbox": list(box),
                "area": box[2] * box[3], "keypoints": points, "num_keypoints": 17,
            })  # fmt: skip
    dataset = {"images": pictures, "annotations": people, "categories": [{"id": 1, "name": "person"}]}
    (tmp_path / "val.json").write_text(json.dumps(dataset))
    return tmp_path / "images", tmp_path / "val.json"


def listing(source):
    return coco.list_clips(source[0], annotations=source[1])


def test_who_is_seen_in_listed_boxes_is_found_where_annotated(source):
    boxes = listed_boxes(
        {number: np.array([(*box, 0.5) for box in each]).reshape(-1, 5) for number, each in BOXES.items()}
    )
    seen = coco_people(listing(source), ROW, InBoxes(Looker()), boxes=boxes, in_boxes=True)
    assert [one["image_id"] for one in seen.results] == [11, 11, 13]
    assert seen.images == (11, 12, 13)
    assert average_precision(Truth(source[1]), seen.results, list(seen.images)).AP == 1.0
    counted = SCORES.mean()  # of all joints, times the box
    assert [one["score"] for one in seen.results] == pytest.approx([0.5 * counted] * 3, abs=1e-6)


def test_of_two_boxes_of_one_person_the_surer_is_kept(source):
    near, far = (21, 30, 60, 120), (150, 40, 50, 100)
    boxes = listed_boxes(
        {
            11: np.array([(*near, 0.9), (*BOXES[11][0], 0.3), (*far, 0.2)]),
            12: np.zeros((0, 5)),
            13: np.zeros((0, 5)),
        }
    )
    seen = coco_people(listing(source), ROW, InBoxes(Looker()), boxes=boxes, in_boxes=True)
    assert [one["keypoints"][0] for one in seen.results] == [21, 150]


def test_a_detector_is_asked_frame_by_frame(source):
    def detector(frames):
        corners = np.array([(150, 40, 200, 140), (20, 30, 80, 150)])
        return [Boxes.of(corners, np.array([0.2, 0.8])) for _ in frames]

    detector.halvings = 2
    estimator = InBoxes(Looker(), detector)
    seen = coco_people(listing(source), ROW, estimator, in_boxes=True)
    assert [one["keypoints"][0] for one in seen.results] == [20, 150] * 3
    assert estimator.halvings == 2


def test_annotated_boxes_are_those_of_people_who_count(source):
    dataset = json.loads(source[1].read_text())
    dataset["annotations"][0]["iscrowd"] = 1
    dataset["annotations"][2] |= {"num_keypoints": 0, "keypoints": [0] * 51}
    source[1].write_text(json.dumps(dataset))
    boxes = annotated_boxes(Truth(source[1]), ROW)
    assert {number: len(each) for number, each in boxes.items()} == {11: 1, 12: 0, 13: 0}
    np.testing.assert_array_equal(boxes[11].xywh, [(150, 40, 50, 100)])
    np.testing.assert_array_equal(boxes[11].score, [1])
    # Cleaned as published: from the first to the last pixel.
    cleaned = annotated_boxes(Truth(source[1]), row("hrnet-w32"))
    np.testing.assert_array_equal(cleaned[11].xywh, [(150, 40, 49, 99)])


@pytest.mark.parametrize(
    ("knows", "first", "score"), [(True, 20, 0.9), (False, 150, SCORES[SCORES >= 0.2].mean())]
)
def test_people_in_whole_frames_are_as_sure_as_the_backbone_says(source, knows, first, score):
    seen = coco_people(listing(source), ROW, Seer(knows))
    assert len(seen.results) == 6
    assert seen.results[0]["keypoints"][0] == first
    assert seen.results[0]["score"] == pytest.approx(score, abs=1e-6)


def test_images_that_cannot_be_read_count_and_are_told(source):
    (source[0] / "19.png").write_bytes(b"\x89PNG broken")
    seen = coco_people(listing(source), ROW, Seer(knows=True))
    ((name, text),) = seen.failed
    assert (name, "no image that OpenCV can read" in text) == ("19.png", True)
    assert (len(seen.results), seen.images) == (4, (11, 12, 13))


def test_another_size_than_annotated_is_told(source):
    cv2.imwrite(str(source[0] / "19.png"), np.zeros((320, 240, 3), np.uint8))
    seen = coco_people(listing(source), ROW, Seer(knows=True))
    ((name, text),) = seen.warnings
    assert name == "19.png"
    assert text.startswith("annotated as 320 x 240, the image is 240 x 320")


def test_progress_is_told(source):
    told = []
    coco_people(listing(source), ROW, Seer(knows=True), watch=lambda counts: told.append(dict(counts)))
    assert told[-1] == {"frames": 3, "clips": 3, "rejected": 0}


def test_boxes_are_wanted_for_every_frame():
    with pytest.raises(ValueError, match="1 frames with boxes for 0"):
        InBoxes(Looker())([np.zeros((2, 2, 3), np.uint8)], [None])


def test_rows_that_were_published_with_boxes_are_rescored_as_published(source):
    seen = coco_people(
        listing(source), row("hrnet-w32"), InBoxes(Looker()), boxes=listed_boxes(
            {number: np.array([(*box, 0.5) for box in each]).reshape(-1, 5) for number, each in BOXES.items()}
        ), in_boxes=True,
    )  # fmt: skip
    counted = SCORES[SCORES > 0.2].mean()  # only joints above 0.2, times the box
    assert [one["score"] for one in seen.results] == pytest.approx([0.5 * counted] * 3, abs=1e-6)
