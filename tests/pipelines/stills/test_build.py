"""A build of images: everybody in them, norm13, annotated people, COCO results; never a window."""

import contextlib
import io
import json
from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path

import cv2
import numpy as np
import pyarrow.parquet as pq
import pytest
from pycocotools.coco import COCO
from pycocotools.cocoeval import COCOeval

from posebeam.pipelines.build import build
from posebeam.pipelines.check import check
from posebeam.pipelines.job import Job
from posebeam.pipelines.rewindow import rewindow
from posebeam.pipelines.settings import PoseSettings, Settings
from posebeam.pipelines.sources import coco, images
from posebeam.transforms.chain import chain
from posebeam.transforms.errors import DataError
from posebeam.transforms.people import People
from posebeam.transforms.skeleton import skeleton
from posebeam.transforms.windows import WindowRule

SIZE = 240, 320
POSES = PoseSettings("coco", "movenet-lightning", "0" * 64, crop_following=False)
SETTINGS = Settings(POSES, WindowRule(min_score=0.2))


class Seer:
    """Sees as many people as the frame is grey, each at places of their own; the last joint is unsure."""

    name, min_score, device_kind, halvings = "seer", 0.2, "cpu", 0
    wants_hints, batch_size, several = False, 8, True

    def __init__(self, skeleton_name: str = "coco17") -> None:
        self.skeleton = skeleton(skeleton_name)

    def __call__(self, frames: Sequence[np.ndarray], hints: Sequence[None]) -> list[People]:
        return [self._people(int(frame[0, 0, 0])) for frame in frames]

    def _people(self, P: int) -> People:
        K = len(self.skeleton)
        xy = np.stack([places(person) for person in range(P)]) if P else np.zeros((0, 17, 2))
        wide = np.zeros((P, K, 2), np.float32)
        score = np.full((P, K), 0.1, np.float32)
        columns = self.skeleton.indices(skeleton("coco17").joints)
        wide[:, columns], score[:, columns[:-1]] = xy, 0.5
        return People(self.skeleton.name, wide, score, np.tile(np.float32([0, 1, 2, 3]), (P, 1)))

    def next_hint(self, people: People, size: tuple[int, int]) -> None:
        return None


def places(person: int) -> np.ndarray:
    """xy [17, 2] of a made person, source pixels on half pixels: what COCO writes as whole numbers."""
    rng = np.random.default_rng(person)
    return rng.integers(20 + 30 * person, 120 + 30 * person, (17, 2)) + 0.5


@pytest.fixture
def source(tmp_path, monkeypatch) -> tuple[Path, Path]:
    """Three images with 2, 0 and 3 people, a broken one, and their annotations: all but the last person."""
    monkeypatch.setattr(Job, "load_estimator", lambda self: Seer())
    folder, pictures, people = tmp_path / "images", [], []
    folder.mkdir()
    for number, count in enumerate((2, 0, 3), 1):
        cv2.imwrite(str(folder / f"{number}.png"), np.full((*SIZE, 3), count, np.uint8))
        pictures.append({"id": 100 + number, "file_name": f"{number}.png", "height": SIZE[0], "width": SIZE[1]})
        people += [(100 + number, person) for person in range(min(count, 2))]
    (folder / "broken.png").write_bytes(b"\x89PNG broken")
    pictures.append({"id": 200, "file_name": "broken.png", "height": 1, "width": 1})
    (tmp_path / "val.json").write_text(json.dumps({
        "images": pictures, "annotations": [annotation(7 + k, *one) for k, one in enumerate(people)],
        "categories": [{"id": 1, "name": "person"}],
    }))  # fmt: skip
    return folder, tmp_path / "val.json"


def annotation(number: int, image: int, person: int) -> dict[str, object]:
    """What is seen, but for the last joint, which is not labelled."""
    xy = places(person) - 0.5
    points = np.column_stack([xy, np.full(17, 2)])
    points[-1] = 0
    (x0, y0), (x1, y1) = xy.min(0), xy.max(0)
    return {
        "id": number, "image_id": image, "category_id": 1, "keypoints": points.astype(int).ravel().tolist(),
        "num_keypoints": 16, "bbox": [x0, y0, x1 - x0, y1 - y0], "area": (x1 - x0) * (y1 - y0), "iscrowd": 0,
    }  # fmt: skip


def rows(out: Path, product: str) -> list[dict[str, object]]:
    return [row for path in sorted((out / product).glob("*.parquet")) for row in pq.read_table(path).to_pylist()]


@pytest.fixture
def done(source, tmp_path) -> Path:
    out = tmp_path / "out"
    build(coco.list_clips(source[0], annotations=source[1]), SETTINGS, out)
    return out


def test_everybody_is_a_row_and_nothing_is_a_window(done):
    poses = rows(done, "poses")
    assert [(row["clip_id"], row["person"], row["image_id"]) for row in poses] == [
        ("1.png", 0, 101), ("1.png", 1, 101), ("3.png", 0, 103), ("3.png", 1, 103), ("3.png", 2, 103),
    ]  # fmt: skip
    first = poses[1]
    np.testing.assert_array_equal(np.reshape(first["xy"], (17, 2)), places(1).astype(np.float32))
    assert (first["frames"], first["seconds"], first["width"], first["height"]) == ([0], [0.0], 320, 240)
    assert first["box"] == [0, 1, 2, 3]
    assert first["person_score"] == pytest.approx(0.5)  # the joint below min_score does not count
    assert not (done / "windows").exists()
    assert {path.name for path in (done / "poses").iterdir()} == {"validation-00000-of-00001.parquet"}


class Sure(Seer):
    """Sees the same, and says how sure it is of each person."""

    def _people(self, P: int) -> People:
        return replace(super()._people(P), sure=np.linspace(0.9, 0.6, P, dtype=np.float32))


@pytest.mark.parametrize(("detector", "parts"), [("", 1.0), ("movenet-multipose", (16 * 0.5 + 0.1) / 17)])
def test_people_are_as_sure_as_the_backbone_says_and_in_boxes_as_their_joints(
    source, tmp_path, monkeypatch, detector, parts
):
    monkeypatch.setattr(Job, "load_estimator", lambda self: Sure())
    settings = replace(SETTINGS, poses=replace(POSES, detector=detector))
    build(coco.list_clips(source[0], annotations=source[1]), settings, tmp_path / "out")
    found = [row["person_score"] for row in rows(tmp_path / "out", "poses")]
    np.testing.assert_allclose(found, parts * np.array([0.9, 0.6, 0.9, 0.75, 0.6]), rtol=1e-6)


def test_norm13_is_the_chains_without_motion(done):
    for row in rows(done, "poses"):
        xy, valid = places(row["person"])[None], np.array(row["score"])[None] >= 0.2
        expected, seen = chain("act").norm13(xy, valid)
        np.testing.assert_allclose(np.reshape(row["norm13"], (13, 2)), expected[0], rtol=1e-5, atol=1e-6)
        np.testing.assert_array_equal(row["valid13"], seen[0])
        assert row["valid13"][-1] is False


def test_the_annotated_people_stand_in_the_same_pixels(done):
    people = rows(done, "people")
    assert [(row["image_id"], row["annotation_id"]) for row in people] == [(101, 7), (101, 8), (103, 9), (103, 10)]
    points = np.reshape(people[1]["keypoints"], (17, 3))
    np.testing.assert_array_equal(points[:-1, :2], places(1)[:-1])
    np.testing.assert_array_equal(points[-1], 0)
    assert (people[1]["num_keypoints"], people[1]["iscrowd"]) == (16, False)


def test_datasets_reads_the_poses_first(done, tmp_path, monkeypatch):
    monkeypatch.setenv("HF_HUB_OFFLINE", "1")
    from datasets import load_dataset

    poses = load_dataset(str(done), cache_dir=str(tmp_path / "cache"), split="validation").with_format("numpy")
    assert poses["norm13"][:].shape == (5, 26)
    assert len(load_dataset(str(done), "people", cache_dir=str(tmp_path / "cache"))["validation"]) == 4


def test_a_broken_image_is_rejected_and_the_sums_hold(done):
    (row,) = rows(done, "rejected")
    assert (row["clip_id"], row["stage"]) == ("broken.png", "decode")
    manifest = json.loads((done / "manifest.json").read_text())
    assert manifest["clips"] == {"listed": 4, "built": 3, "rejected": 1, "missing": 0}
    assert manifest["coco_results"]["results"] == 5
    assert check(done) == []


def test_pycocotools_finds_the_same_people(done, source):
    with contextlib.redirect_stdout(io.StringIO()):
        truth = COCO(str(source[1]))
        evaluation = COCOeval(truth, truth.loadRes(str(done / "coco-results.json")), "keypoints")
        evaluation.evaluate()
        evaluation.accumulate()
        evaluation.summarize()
    assert evaluation.stats[5] == 1.0  # recall: each of the annotated is found, to the pixel
    (first, *_) = json.loads((done / "coco-results.json").read_text())
    assert (first["image_id"], first["category_id"], first["score"]) == (101, 1, 0.5)
    np.testing.assert_array_equal(np.reshape(first["keypoints"], (17, 3))[:, :2], places(0) - 0.5)


def test_more_joints_than_coco_has_are_dropped_by_name(source, tmp_path, monkeypatch):
    monkeypatch.setattr(Job, "load_estimator", lambda self: Seer("openpose19"))
    settings = replace(SETTINGS, poses=replace(POSES, backbone="openpose-thin"))
    build(coco.list_clips(source[0], annotations=source[1]), settings, tmp_path / "out")
    (first, *_) = json.loads((tmp_path / "out/coco-results.json").read_text())
    np.testing.assert_array_equal(np.reshape(first["keypoints"], (17, 3))[:, :2], places(0) - 0.5)
    assert check(tmp_path / "out") == []


def test_images_without_annotations_give_poses_only(source, tmp_path):
    settings = replace(SETTINGS, poses=replace(POSES, kind="images"))
    build(images.list_clips(source[0]), settings, tmp_path / "out")
    assert [row["image_id"] for row in rows(tmp_path / "out", "poses")] == [None] * 5
    assert not (tmp_path / "out/people").exists()
    assert not (tmp_path / "out/coco-results.json").exists()
    assert check(tmp_path / "out") == []


def promised(out: Path) -> dict[str, bytes]:
    files = (path for path in out.rglob("*") if path.is_file() and path.name != "run.json")
    return {str(path.relative_to(out)): path.read_bytes() for path in files}


def test_a_second_run_does_nothing_and_makes_lost_results_again(source, done):
    before, listing = promised(done), coco.list_clips(source[0], annotations=source[1])
    stamp = (done / "coco-results.json").stat().st_mtime_ns
    assert build(listing, SETTINGS, done).run["decoded"] == 0
    assert (done / "coco-results.json").stat().st_mtime_ns == stamp
    (done / "coco-results.json").write_text("[]")
    assert any("coco-results.json" in finding for finding in check(done))
    (done / "coco-results.json").unlink()
    build(listing, SETTINGS, done)
    assert promised(done) == before


def test_changed_annotations_are_built_again(source, done):
    dataset = json.loads(source[1].read_text())
    dataset["annotations"].pop()
    source[1].write_text(json.dumps(dataset))
    build(coco.list_clips(source[0], annotations=source[1]), SETTINGS, done)
    assert [row["annotation_id"] for row in rows(done, "people")] == [7, 8, 9]


def test_an_image_of_another_size_than_annotated_is_told(source, tmp_path):
    dataset = json.loads(source[1].read_text())
    dataset["images"][0] |= {"width": 240, "height": 320}
    source[1].write_text(json.dumps(dataset))
    built = build(coco.list_clips(source[0], annotations=source[1]), SETTINGS, tmp_path / "out")
    ((clip_id, text),) = built.receipts[0].warnings
    assert clip_id == "1.png"
    assert text.startswith("annotated as 240 x 320, the image is 320 x 240")


def test_a_still_never_becomes_a_window(done, tmp_path):
    with pytest.raises(DataError, match="holds poses of images"):
        rewindow(done, tmp_path / "new", WindowRule(min_score=0.2))
    assert not (tmp_path / "new").exists()
