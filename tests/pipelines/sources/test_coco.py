"""The coco and images sources: what an annotation file names, checked before anything is opened."""

import json
from pathlib import Path

import pytest

from posebeam.pipelines.sources import coco, images
from posebeam.transforms.errors import ConfigError, SourceError

JOINTS = [
    "nose",
    "left_eye",
    "right_eye",
    "left_ear",
    "right_ear",
    "left_shoulder",
    "right_shoulder",
    "left_elbow",
    "right_elbow",
    "left_wrist",
    "right_wrist",
    "left_hip",
    "right_hip",
    "left_knee",
    "right_knee",
    "left_ankle",
    "right_ankle",
]


def folder(tmp_path: Path, *names: str) -> Path:
    for name in names:
        (tmp_path / "images" / name).parent.mkdir(parents=True, exist_ok=True)
        (tmp_path / "images" / name).write_bytes(b"12345")
    return tmp_path / "images"


def person(number: int, image: int, **more: object) -> dict[str, object]:
    return {
        "id": number, "image_id": image, "category_id": 1, "iscrowd": 0, "area": 12.5, "bbox": [1, 2, 3.5, 4],
        "keypoints": [10, 20, 2] + [0] * 48, "num_keypoints": 1, **more,
    }  # fmt: skip


def annotate(
    tmp_path: Path, pictures: list[tuple[int, str]], people: list[dict[str, object]] = (), name: str = "a.json",
    **more: object,
) -> Path:  # fmt: skip
    dataset = {
        "images": [{"id": number, "file_name": file, "width": 64, "height": 48} for number, file in pictures],
        "annotations": list(people), "categories": [{"id": 1, "name": "person", "keypoints": JOINTS}], **more,
    }  # fmt: skip
    (tmp_path / name).write_text(json.dumps(dataset))
    return tmp_path / name


def test_images_come_with_their_people(tmp_path, capfd):
    source = folder(tmp_path, "1.jpg", "sub/2.jpg")
    people = [person(8, 2), person(7, 2), person(9, 2, category_id=3)]
    listing = coco.list_clips(source, annotations=annotate(tmp_path, [(2, "sub/2.jpg"), (1, "1.jpg")], people))
    assert [(ref.clip_id, ref.label, ref.split, ref.size) for ref in listing.refs] == [
        ("1.jpg", "person", "train", 5), ("sub/2.jpg", "person", "train", 5),
    ]  # fmt: skip
    rows = listing.truth.to_pylist()
    assert [(row["image_id"], [one["id"] for one in row["people"]]) for row in rows] == [(1, []), (2, [7, 8])]
    assert rows[1]["people"][0]["keypoints"][:3] == [10, 20, 2]
    assert rows[1]["people"][0]["bbox"] == [1, 2, 3.5, 4]
    assert capfd.readouterr().out == ""  # pycocotools talks; stdout is for JSON


def test_other_annotations_are_another_reference(tmp_path):
    source, pictures = folder(tmp_path, "1.jpg", "2.jpg"), [(1, "1.jpg"), (2, "2.jpg")]
    before = coco.list_clips(source, annotations=annotate(tmp_path, pictures, [person(7, 2)])).refs
    after = coco.list_clips(source, annotations=annotate(tmp_path, pictures, [person(7, 2, area=13.0)])).refs
    assert before[0] == after[0]
    assert before[1] != after[1]


def test_what_only_one_side_knows_is_told(tmp_path):
    source = folder(tmp_path, "1.jpg", "3.png", "notes.txt")
    listing = coco.list_clips(source, annotations=annotate(tmp_path, [(1, "1.jpg"), (2, "2.jpg")]))
    assert (listing.missing, listing.unlisted, listing.ignored) == (("2.jpg",), ("3.png",), ("notes.txt",))


@pytest.mark.parametrize(
    ("name", "split"),
    [
        ("person_keypoints_train2017.json", "train"), ("person_keypoints_val2017.json", "validation"),
        ("image_info_test-dev2017.json", "test"), ("mine.json", "train"),
    ],
)  # fmt: skip
def test_the_file_name_says_the_split(tmp_path, name, split):
    (ref,) = coco.list_clips(
        folder(tmp_path, "1.jpg"), annotations=annotate(tmp_path, [(1, "1.jpg")], name=name)
    ).refs
    assert ref.split == split


def test_a_file_of_images_only_is_enough(tmp_path):
    path = tmp_path / "image_info.json"
    path.write_text(json.dumps({"images": [{"id": 1, "file_name": "1.jpg"}]}))
    listing = coco.list_clips(folder(tmp_path, "1.jpg"), annotations=path)
    assert listing.truth.to_pylist()[0]["people"] == []


@pytest.mark.parametrize("name", ["../1.jpg", "/etc/passwd", "a/../../1.jpg", "./1.jpg", "1\n.jpg"])
def test_names_that_lead_elsewhere_are_refused(tmp_path, name):
    with pytest.raises(SourceError, match=r"leads out of the folder|expected a number and a name"):
        coco.list_clips(folder(tmp_path, "1.jpg"), annotations=annotate(tmp_path, [(1, name)]))


@pytest.mark.parametrize(
    ("more", "problem"),
    [
        ({"people": [person(7, 99)]}, "annotations of image 99, which it does not name"),
        ({"people": [person(7, 1, keypoints=[1, 2, 2])]}, "annotation 7 has 3 numbers for keypoints"),
        ({"people": [person(7, 1, bbox=[1, 2])]}, "annotation 7 has 51 numbers .* and the box"),
        ({"people": [person(7, 1, area="large")]}, "an entry is not as COCO writes it"),
        ({"pictures": [(1, "1.jpg"), (2, "1.jpg")]}, "images 1 and 2 are both 1.jpg"),
        ({"pictures": [(1, "1.jpg"), (1, "2.jpg")]}, "2 images with 1 different ids"),
        ({"pictures": []}, "names no images"),
        ({"categories": [{"id": 1, "name": "person", "keypoints": JOINTS[::-1]}]}, "expected coco17's"),
    ],
)
def test_a_file_that_is_wrong_says_where(tmp_path, more, problem):
    path = annotate(tmp_path, **{"pictures": [(1, "1.jpg")], **more})
    with pytest.raises(SourceError, match=problem):
        coco.list_clips(folder(tmp_path, "1.jpg"), annotations=path)


@pytest.mark.parametrize("content", ["", "[1, 2]", "{", '{"annotations": [{"id": 1}]}'])
def test_a_file_that_is_none_is_told(tmp_path, content):
    (tmp_path / "a.json").write_text(content)
    with pytest.raises(SourceError, match=r"is no COCO annotation file|names no images"):
        coco.list_clips(folder(tmp_path, "1.jpg"), annotations=tmp_path / "a.json")


def test_coco_without_annotations_says_what_to_do(tmp_path):
    with pytest.raises(ConfigError, match="images without annotations: images"):
        coco.list_clips(folder(tmp_path, "1.jpg"), annotations="")


def test_images_are_labelled_by_their_folder(tmp_path):
    listing = images.list_clips(folder(tmp_path, "1.JPG", "walk/2.png", "val/run/3.webp", "notes.txt"))
    assert [(ref.clip_id, ref.label, ref.split) for ref in listing.refs] == [
        ("1.JPG", "images", "train"), ("val/run/3.webp", "run", "validation"), ("walk/2.png", "walk", "train"),
    ]  # fmt: skip
    assert (listing.ignored, listing.truth) == (("notes.txt",), None)
    assert len(images.list_clips(tmp_path / "images/*/*.png").refs) == 1
    with pytest.raises(SourceError, match="no image in it"):
        images.list_clips(tmp_path / "images/notes.txt")


def test_the_real_annotations_are_read_whole(foreign_data):
    path = foreign_data / "coco/annotations/person_keypoints_train2017_subset.json"
    listing = coco.list_clips(foreign_data / "coco/images", annotations=path)
    people = [one for row in listing.truth.to_pylist() for one in row["people"]]
    assert (len(listing.refs), len(listing.missing), len(people)) == (36, 0, 150)
    assert sum(one["num_keypoints"] > 0 for one in people) == 86
    assert sum(one["iscrowd"] for one in people) == 5
