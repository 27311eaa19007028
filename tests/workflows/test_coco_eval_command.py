"""posebeam coco-eval: figures, results, and which boxes they are of."""

import json
import shutil

import cv2
import numpy as np
import pytest

from posebeam.models.registry import load_estimator
from posebeam.pipelines.decode import open_clip
from posebeam.workflows.cli import run as posebeam


@pytest.fixture(scope="module")
def source(media, tmp_path_factory):
    """A picture of two real frames side by side, in which MultiPose's own people are said to be annotated."""
    folder = tmp_path_factory.mktemp("coco")
    (folder / "images").mkdir()
    clips = (media / "actions" / name for name in ("balancing/camera_1.mp4", "walking/garden_2.avi"))
    frame = np.concatenate([cv2.resize(next(iter(open_clip(clip))).rgb, (240, 240)) for clip in clips], 1)
    cv2.imwrite(str(folder / "images" / "two.png"), frame[..., ::-1])
    height, width = frame.shape[:2]
    dataset = {
        "images": [{"id": 5, "file_name": "two.png", "height": height, "width": width}],
        "categories": [{"id": 1, "name": "person"}], "annotations": [],
    }  # fmt: skip
    (folder / "none.json").write_text(json.dumps(dataset))
    (people,) = load_estimator("movenet-multipose", device="cpu")([frame], [None])
    for number, (xy, score) in enumerate(zip(people.xy - 0.5, people.score, strict=True), 1):
        low, high = xy[score >= 0.2].min(0) - 10, xy[score >= 0.2].max(0) + 10
        points = np.column_stack([xy, np.where(score >= 0.2, 2, 0)])
        dataset["annotations"].append({
            "id": number, "image_id": 5, "category_id": 1, "iscrowd": 0, "area": float((high - low).prod()),
            "bbox": [*low.tolist(), *(high - low).tolist()], "keypoints": points.ravel().tolist(),
            "num_keypoints": int((score >= 0.2).sum()),
        })  # fmt: skip
    (folder / "people.json").write_text(json.dumps(dataset))
    return folder


@pytest.fixture
def ask(source, tmp_path, capsys, monkeypatch):
    """The command in an empty folder: exit code, the figures or None, and what was said."""
    monkeypatch.chdir(tmp_path)

    def asked(*words):
        annotations = ["--annotations", str(source / "people.json")]
        code = posebeam(["coco-eval", str(source / "images"), *annotations, "--device", "cpu", *words])
        said = capsys.readouterr()
        return code, json.loads(said.out) if said.out else None, said.err

    return asked


def test_what_the_backbone_sees_is_scored_and_written(ask, source, tmp_path):
    code, figures, _ = ask("--backbone", "movenet-multipose", "--json")
    people = len(json.loads((source / "people.json").read_text())["annotations"])
    assert code == 0
    assert (figures["AP"], figures["AR"], figures["boxes"], figures["images"]) == (1.0, 1.0, "none", 1)
    assert (figures["people"], figures["results"], figures["failed"]) == (people, people, 0)
    assert people > 1
    file = tmp_path / figures["results_file"]
    assert [one["image_id"] for one in json.loads(file.read_text())] == [5] * people
    code, again, _ = ask("--results", str(file), "--json")
    names = ("AP", "AP50", "AP75", "APM", "APL", "AR", "images", "people", "results")
    assert [again[name] for name in names] == [figures[name] for name in names]


def test_several_looks_see_the_same_people(ask):
    code, figures, _ = ask("--backbone", "movenet-multipose", "--scales", "2", "--flip", "--json")
    assert code == 0
    assert (figures["scales"], figures["flip"], figures["boxes"]) == (2, True, "none")
    assert figures["AP50"] > 0.5
    words = ("--boxes", "detector", "--scales", "2", "--flip", "--json")
    code, figures, _ = ask("--backbone", "movenet-lightning", *words)
    assert (code, figures["boxes_of"]) == (0, "movenet-multipose")
    assert figures["AP50"] > 0.5


@pytest.mark.parametrize("kind", ["gt", "detector", "file"])
def test_one_person_a_box_and_the_kind_of_boxes_is_stated(ask, source, tmp_path, kind):
    boxes = tmp_path / "boxes.json"
    annotated = json.loads((source / "people.json").read_text())["annotations"]
    boxes.write_text(json.dumps([
        {"image_id": 5, "category_id": 1, "bbox": one["bbox"], "score": 0.9} for one in annotated
    ]))  # fmt: skip
    words = str(boxes) if kind == "file" else kind
    code, figures, _ = ask("--backbone", "movenet-lightning", "--boxes", words, "--json", "--out", "mine.json")
    assert code == 0
    assert figures["boxes"] == kind
    assert (
        figures["boxes_of"] == {"gt": "people.json", "detector": "movenet-multipose", "file": "boxes.json"}[kind]
    )
    assert figures["AP50"] > 0.5
    assert (tmp_path / "mine.json").exists()


def test_the_table_states_boxes_images_and_people(ask):
    code, _, said = ask("--backbone", "movenet-lightning", "--boxes", "gt")
    assert code == 0
    assert "annotated, of people.json" in said
    assert all(word in said for word in ("AP75", "APL", "images", "people"))


@pytest.mark.parametrize(
    ("words", "problem"),
    [
        ([], "Give either --backbone NAME"),
        (["--backbone", "movenet-lightning", "--results", "r.json"], "Give either --backbone NAME"),
        (["--results", "r.json", "--flip"], "--flip concerns how a backbone looks"),
        (["--backbone", "movenet-lightning", "--boxes", "gt", "--detector", "detr-r50"], "not for --boxes gt"),
        (["--backbone", "movenet-multipose", "--boxes", "gt"], "looks at whole frames only"),
        (["--results", "r.json", "--scales", "2"], "--scales concerns how a backbone looks"),
        (["--backbone", "movenet-lightning", "--boxes", "gt", "--scales", "2"], "--scales is for who sees whole"),
        (["--backbone", "movenet-lightning", "--boxes", "gt", "--flip"], "has no flip test"),
        (["--backbone", "movenet-lightning", "--flip"], "sees one person a frame"),
        (["--backbone", "movenet"], "no backbone 'movenet'; near: "),
    ],
)
def test_words_that_do_not_fit_are_a_usage_error(ask, words, problem):
    code, _, said = ask(*words)
    assert code == 2
    assert problem in " ".join(said.split())


def test_files_that_do_not_fit_are_told(ask, source, tmp_path):
    code, _, said = ask("--results", str(tmp_path / "none.json"))
    assert (code, "No such file" in said) == (1, True)
    code, _, said = ask("--backbone", "movenet-lightning", "--boxes", str(source / "people.json"))
    assert (code, "expected a list of results" in said) == (1, True)
    assert posebeam(["coco-eval", "--annotations", str(source / "none.json"), "--results", "r.json"]) == 1
    assert posebeam(["coco-eval", "--results", "r.json"]) == 2


def test_an_image_that_cannot_be_read_is_named_and_counts(ask, source, tmp_path):
    dataset = json.loads((source / "people.json").read_text())
    dataset["images"].append({"id": 6, "file_name": "broken.jpg", "height": 10, "width": 10})
    (tmp_path / "more.json").write_text(json.dumps(dataset))
    shutil.copytree(source / "images", tmp_path / "images")
    (tmp_path / "images" / "broken.jpg").write_bytes(b"broken")
    words = ["--backbone", "movenet-multipose", "--device", "cpu"]
    code = posebeam(["coco-eval", "images", "--annotations", "more.json", *words])
    assert code == 3
    assert (tmp_path / "movenet-multipose-none-results.json").exists()
