"""COCO's figures: the same to the last bit as pycocotools' own, and files that are wrong are told where."""

import contextlib
import io
import json
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from pycocotools.coco import COCO
from pycocotools.cocoeval import COCOeval

from posebeam.pipelines.coco.ap import Truth, average_precision
from posebeam.pipelines.coco.entries import read_results
from posebeam.transforms.errors import SourceError

IMAGES = (11, 12, 13)
PLACES = np.stack(np.meshgrid([40, 60, 80], [30, 50, 70, 90, 110, 130]), -1).reshape(-1, 2)[:17]  # [17, 2]


def person(number: int, image: int, **more: object) -> dict[str, object]:
    """A person somewhere in an image; every third joint is not labelled."""
    points = np.column_stack([PLACES + 40 * (number % 5), np.arange(17) % 3])
    return {
        "id": number, "image_id": image, "category_id": 1, "iscrowd": 0, "area": 60.0**2, "num_keypoints": 11,
        "bbox": [*points[:, :2].min(0).tolist(), 40, 100], "keypoints": points.ravel().tolist(), **more,
    }  # fmt: skip


PEOPLE = [
    person(1, 11), person(2, 11, area=100.0**2), person(3, 12, area=20.0**2), person(4, 12, iscrowd=1),
    person(5, 13, num_keypoints=0, keypoints=[0] * 51), person(6, 13, area=150.0**2),
]  # fmt: skip


def annotate(folder: Path, people: list[dict[str, object]], **more: object) -> Path:
    path = folder / "annotations.json"
    pictures = [{"id": number, "file_name": f"{number}.jpg", "width": 320, "height": 240} for number in IMAGES]
    path.write_text(json.dumps(
        {"images": pictures, "annotations": people, "categories": [{"id": 1, "name": "person"}], **more}
    ))  # fmt: skip
    return path


def by_hand(annotations: Path, results: Path) -> list[float]:
    """AP, AP50, AP75, APM, APL, AR as pycocotools' own example computes them."""
    with contextlib.redirect_stdout(io.StringIO()):
        truth = COCO(str(annotations))
        found = COCOeval(truth, truth.loadRes(str(results)), "keypoints")
        found.evaluate()
        found.accumulate()
        found.summarize()
    return found.stats[:6].tolist()


def ours(annotations: Path, results: Path) -> list[float]:
    truth = Truth(annotations)
    found = average_precision(truth, read_results(results, truth.images))
    return [found.AP, found.AP50, found.AP75, found.APM, found.APL, found.AR]


@st.composite
def made_results(draw) -> list[dict[str, object]]:
    """Some of the people strayed by some pixels, some of them twice, with any scores; with boxes or without."""
    boxes = draw(st.booleans())
    results = []
    for _ in range(draw(st.integers(1, 30))):
        one = draw(st.sampled_from(PEOPLE))
        away = draw(st.floats(-30, 30)) * np.resize([1, -1, 0], 51)
        result = {
            "image_id": draw(st.sampled_from(IMAGES)) if draw(st.booleans()) else one["image_id"],
            "category_id": draw(st.sampled_from([1, 1, 1, 2])),
            "keypoints": (np.array(one["keypoints"]) + away).tolist(),
            "score": draw(st.one_of(st.floats(-1e6, 1e6), st.sampled_from([0, 0.5, 1]))),
        }
        results.append(
            result | ({"bbox": draw(st.lists(st.floats(0, 300), min_size=4, max_size=4))} if boxes else {})
        )
    return results


@settings(max_examples=60)
@given(results=made_results())
def test_the_figures_are_those_of_pycocotools(tmp_path_factory, results):
    folder = tmp_path_factory.mktemp("ap")
    annotations, path = annotate(folder, PEOPLE), folder / "results.json"
    path.write_text(json.dumps(results))
    assert ours(annotations, path) == by_hand(annotations, path)


def test_the_figures_are_those_of_pycocotools_on_real_people(foreign_data, tmp_path):
    annotations = foreign_data / "coco/annotations/person_keypoints_train2017_subset.json"
    rng, results = np.random.default_rng(0), []
    for one in json.loads(annotations.read_text())["annotations"]:
        away = rng.normal(0, 0.1 * one["area"] ** 0.5, 51)
        points = (np.array(one["keypoints"]) + away).tolist()
        score = float(rng.random())
        results.append({"image_id": one["image_id"], "category_id": 1, "keypoints": points, "score": score})
    (tmp_path / "results.json").write_text(json.dumps(results))
    figures = ours(annotations, tmp_path / "results.json")
    assert figures == by_hand(annotations, tmp_path / "results.json")
    assert 0.05 < figures[0] < 0.95


def exact(one: dict[str, object], score: float = 1.0) -> dict[str, object]:
    return {"image_id": one["image_id"], "category_id": 1, "keypoints": one["keypoints"], "score": score}


def test_who_is_where_annotated_is_found(tmp_path):
    truth = Truth(annotate(tmp_path, PEOPLE))
    found = average_precision(truth, [exact(one) for one in PEOPLE])
    assert (found.AP, found.AR, found.images, found.people, found.results) == (1.0, 1.0, 3, 4, 6)


def test_nobody_seen_is_nothing_right(tmp_path):
    found = average_precision(Truth(annotate(tmp_path, PEOPLE)), [])
    assert (found.AP, found.AR, found.people, found.results) == (0, 0, 4, 0)


def test_only_the_images_asked_for_count(tmp_path):
    truth = Truth(annotate(tmp_path, PEOPLE))
    found = average_precision(truth, [exact(PEOPLE[0])], images=[11])
    assert (found.images, found.people, found.AR) == (1, 2, 0.5)


def test_results_are_left_as_they_were(tmp_path):
    results = [exact(PEOPLE[0])]
    average_precision(Truth(annotate(tmp_path, PEOPLE)), results)
    assert results == [exact(PEOPLE[0])]


def test_nothing_is_printed(tmp_path, capfd):
    average_precision(Truth(annotate(tmp_path, PEOPLE)), [exact(PEOPLE[0])])
    assert capfd.readouterr().out == ""  # stdout is for JSON


@pytest.mark.parametrize(
    ("wrong", "problem"),
    [
        ({"keypoints": [1, 2, 2]}, r"annotation 1: keypoints is \[1, 2, 2\], expected 51 numbers"),
        ({"keypoints": [None] * 51}, "keypoints is .* expected 51 numbers"),
        ({"bbox": "1,2,3,4"}, "bbox is '1,2,3,4', expected 4 numbers"),
        ({"area": None}, "area is None, expected a number"),
        ({"area": float("nan")}, "area is nan, expected a number"),
        ({"num_keypoints": -1}, "num_keypoints is -1"),
        ({"iscrowd": "no"}, "iscrowd is 'no', expected 0 or 1"),
    ],
)
def test_annotations_that_are_wrong_say_where(tmp_path, wrong, problem):
    with pytest.raises(SourceError, match=problem):
        Truth(annotate(tmp_path, [person(1, 11, **wrong)]))


def test_annotations_without_people_say_what_to_give(tmp_path):
    with pytest.raises(SourceError, match=r"annotates no person: expected person_keypoints_"):
        Truth(annotate(tmp_path, []))
