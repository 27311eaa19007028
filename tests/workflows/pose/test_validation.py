"""AP during training: the people that coco-eval would find with the same weights, against the same truth."""

import json
from dataclasses import asdict

import cv2
import numpy as np
import pytest

from posebeam.models.assembly import estimator_of, named
from posebeam.models.registry import row
from posebeam.pipelines.coco.ap import Truth, average_precision
from posebeam.pipelines.coco.people import InBoxes, annotated_boxes, coco_people
from posebeam.pipelines.images.reader import ImageReader
from posebeam.pipelines.sources.coco import list_clips
from posebeam.transforms.errors import DataError
from posebeam.transforms.skeleton import skeleton
from posebeam.workflows.pose.row import trained_row
from posebeam.workflows.pose.validation import Pictures, PoseValidation, truth_of

SMALL = {"widths": [16, 32, 32], "layers": 1}


def person(number, image, rng, labelled=17, **other):
    """An entry as COCO writes it."""
    points = np.column_stack((rng.uniform(20, 70, (17, 2)).round(2), np.arange(17) < labelled))
    points[points[:, 2] == 0] = 0
    box = [float(side) for side in rng.uniform((5, 5, 30, 40), (20, 20, 60, 70)).round(2)]
    return {
        "id": number, "image_id": image, "category_id": 1, "bbox": box, "area": 900.0, "iscrowd": 0,
        "keypoints": points.ravel().tolist(), "num_keypoints": labelled, **other,
    }  # fmt: skip


@pytest.fixture(scope="module")
def coco(tmp_path_factory):
    """Folder and file of pictures with two people; one; a crowd and one without joints; nobody."""
    folder, rng = tmp_path_factory.mktemp("coco"), np.random.default_rng(0)
    images = [{"id": 7 * n, "file_name": f"{n:06d}.png", "height": 90, "width": 80 + n} for n in range(4)]
    for one in images:
        cv2.imwrite(str(folder / one["file_name"]), rng.integers(0, 256, (90, one["width"], 3), np.uint8))
    people = [
        person(11, 0, rng), person(12, 0, rng, 9), person(13, 7, rng, 5),
        person(14, 14, rng, iscrowd=1), person(15, 14, rng, 0),
    ]  # fmt: skip
    person_17 = {"id": 1, "name": "person", "keypoints": list(skeleton("coco17").joints)}
    file = folder / "person_keypoints_val.json"
    file.write_text(json.dumps({"images": images, "annotations": people, "categories": [person_17]}))
    return folder, file


@pytest.fixture(scope="module")
def reader(coco, make_images, tmp_path_factory):
    """The same as a data set of images."""
    folder, file = coco
    said = json.loads(file.read_text())
    pictures = [
        {
            "picture": (folder / one["file_name"]).read_bytes(),
            "people": [each for each in said["annotations"] if each["image_id"] == one["id"]],
            "id": one["id"],
        }
        for one in said["images"]
    ]
    return ImageReader(make_images(tmp_path_factory.mktemp("images") / "out", pictures))


def test_the_truth_is_the_annotation_files(coco, reader):
    file, held = Truth(coco[1]), truth_of(reader, range(4))
    for number in range(4):
        for one, other in zip(file.annotated(7 * number), held.annotated(number), strict=True):
            assert other["bbox"] == one["bbox"]
            assert (other["area"], other["num_keypoints"]) == (one["area"], one["num_keypoints"])
            assert other["keypoints"] == pytest.approx(one["keypoints"], abs=1e-4)
    assert [one["iscrowd"] for one in held.coco.imgToAnns[2]] == [1, 0]


def test_whoever_has_no_area_has_the_boxs(reader, monkeypatch):
    monkeypatch.setattr(reader, "people", reader.people)
    area = reader.people.area.copy()
    reader.people.area[:] = np.nan
    one = truth_of(reader, range(4)).annotated(0)[0]
    reader.people.area[:] = area
    assert one["area"] == pytest.approx(one["bbox"][2] * one["bbox"][3])


def test_it_sees_what_coco_eval_sees(coco, reader):
    import torch

    torch.manual_seed(1)
    facts = trained_row(row("btranspose-c2a1-4"), (64, 64), SMALL)
    network = named(facts.network)(**facts.arguments)
    validation = PoseValidation(reader, np.arange(4), facts)
    results = {}
    for pictures in validation.loader():
        results |= validation.see(network, pictures)
    truth = Truth(coco[1])
    boxless = type("Boxless", (), {"name": "x", "halvings": 0})()
    backbone = estimator_of(facts, network, torch.device("cpu"), detector=boxless)
    listing = list_clips(coco[0], annotations=coco[1])
    boxes = annotated_boxes(truth, facts)
    seen = coco_people(listing, facts, InBoxes(backbone), boxes=boxes, in_boxes=True)
    flat = [one | {"image_id": 7 * one["image_id"]} for number in sorted(results) for one in results[number]]
    assert flat == list(seen.results)
    assert len(flat) == 3
    measured, other = validation.measure(results), average_precision(truth, seen.results, list(seen.images))
    assert asdict(measured) == asdict(other)
    assert (measured.images, measured.people) == (4, 3)


def test_who_says_the_truth_has_all_of_it(reader):
    validation = PoseValidation(reader, np.arange(2), row("hrnet-w32"))
    said = {
        number: [
            {"image_id": number, "category_id": 1, "keypoints": one["keypoints"], "score": 1.0}
            for one in validation.truth.annotated(number)
        ]
        for number in (0, 1)
    }
    assert validation.measure(said).AP == 1
    assert validation.measure({0: said[0]}).AR < 1


def test_top_down_networks_skip_pictures_in_which_nobody_counts_and_others_see_all(reader):
    top_down, whole = (
        PoseValidation(reader, np.arange(4), row(name)) for name in ("hrnet-w32", "prtr-sequential-r50")
    )
    assert [n for pictures in top_down.loader() for n in pictures.numbers] == [0, 1]
    assert [n for pictures in whole.loader() for n in pictures.numbers] == [0, 1, 2, 3]
    assert isinstance(next(iter(whole.loader())), Pictures)


def test_without_anybody_there_is_nothing_to_validate_by(reader):
    with pytest.raises(DataError, match="nobody with joints in the 2 images that validate"):
        PoseValidation(reader, np.array([2, 3]), row("hrnet-w32"))
