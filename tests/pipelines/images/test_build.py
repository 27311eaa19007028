"""Image shards: the files' own bytes with their people, frames of videos as JPEG; poses where asked for."""

import io
import json
import shutil
from dataclasses import replace
from pathlib import Path

import cv2
import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from posebeam.pipelines import job, shard
from posebeam.pipelines.build import build
from posebeam.pipelines.check import check
from posebeam.pipelines.decode import open_clip
from posebeam.pipelines.images.schema import image_row
from posebeam.pipelines.images.schema import images as product
from posebeam.pipelines.job import Job
from posebeam.pipelines.manifest import read_manifest
from posebeam.pipelines.settings import PoseSettings, Settings
from posebeam.pipelines.shard import write_parquet
from posebeam.pipelines.sources import coco, images
from posebeam.transforms.errors import PlanError
from posebeam.transforms.windows import WindowRule

Image = pytest.importorskip("PIL.Image", reason="Pillow writes EXIF, and opens what the shards hold")

POSES = PoseSettings("images", "", "", fps=1.0, crop_following=False, images=True)
SETTINGS = Settings(POSES, WindowRule(min_score=0.0))
ANNOTATED = replace(SETTINGS, poses=replace(POSES, kind="coco-images", fps=0.0))
SECONDS, FPS = 3, 25


def picture(seed: int, height: int = 48, width: int = 64) -> np.ndarray:
    """uint8 RGB [height, width, 3]."""
    return np.random.default_rng(seed).integers(0, 255, (height, width, 3), np.uint8)


@pytest.fixture
def source(tmp_path) -> Path:
    """ImageNet's layout in small, a picture turned by EXIF, a broken one, and a video of three seconds."""
    folder = tmp_path / "source"
    for number, name in enumerate(["train/n01/a.JPEG", "train/n02/b.png", "val/n01/c.webp", "val/n02/d.bmp"]):
        (folder / name).parent.mkdir(parents=True, exist_ok=True)
        Image.fromarray(picture(number)).save(folder / name)
    exif = Image.Exif()
    exif[0x0112] = 6
    Image.fromarray(picture(9)).save(folder / "train/n01/turned.jpg", exif=exif)
    (folder / "train/n02/broken.jpg").write_bytes((folder / "train/n01/a.JPEG").read_bytes()[:300])
    (folder / "train/n02/list.txt").write_text("no picture")
    writer = cv2.VideoWriter(str(folder / "train/n02/walk.avi"), cv2.VideoWriter_fourcc(*"FFV1"), FPS, (64, 48))
    for t in range(SECONDS * FPS):
        writer.write(np.full((48, 64, 3), 3 * t, np.uint8))
    writer.release()
    return folder


@pytest.fixture
def annotations(tmp_path, source) -> Path:
    """Two people in one picture, one of them a crowd without joints; nobody in another."""
    joints = np.column_stack([np.arange(17), 2 * np.arange(17), [0, 1, 2] * 5 + [2, 2]]).astype(float)
    joints[joints[:, 2] == 0] = 0
    people = [
        {"id": 7, "image_id": 31, "bbox": [1.5, 2, 30, 40], "area": 600.5, "iscrowd": 0,
         "keypoints": joints.ravel().tolist()},
        {"id": 5, "image_id": 31, "bbox": [0, 0, 64, 48], "iscrowd": 1},
    ]  # fmt: skip
    path = tmp_path / "person_keypoints_train2017.json"
    dataset = {
        "images": [
            {"id": 31, "file_name": "n01/a.JPEG", "width": 64, "height": 48},
            {"id": 30, "file_name": "n02/b.png", "width": 64, "height": 48},
            {"id": 33, "file_name": "n01/turned.jpg", "width": 64, "height": 48},
            {"id": 32, "file_name": "n02/broken.jpg", "width": 64, "height": 48},
        ],
        "annotations": [{**one, "category_id": 1} for one in people],
        "categories": [{"id": 1, "name": "person"}],
    }
    path.write_text(json.dumps(dataset))
    return path


@pytest.fixture(autouse=True)
def no_network(monkeypatch):
    """No estimator is loaded where none is asked for."""
    monkeypatch.setattr(job, "load_estimator", lambda *args, **kwargs: pytest.fail("a network was loaded"))


@pytest.fixture
def done(source, tmp_path):
    out = tmp_path / "done"
    build(images.list_clips(source), SETTINGS, out)
    return out


@pytest.fixture
def annotated(source, annotations, tmp_path):
    out = tmp_path / "annotated"
    build(coco.list_clips(source / "train", annotations=annotations), ANNOTATED, out)
    return out


def rows(out: Path, name: str) -> list[dict]:
    """All rows of a product, with the split that they stand in."""
    paths = sorted((out / name).glob("*.parquet"))
    return [{**row, "part": path.name.split("-")[0]} for path in paths for row in pq.read_table(path).to_pylist()]


def promised(out: Path) -> dict[str, bytes]:
    files = (path for path in out.rglob("*") if path.is_file() and path.name != "run.json")
    return {str(path.relative_to(out)): path.read_bytes() for path in files}


def test_a_row_holds_the_files_own_bytes(done, source):
    stills = [row for row in rows(done, "images") if "#" not in row["clip_id"]]
    assert [(row["part"], row["clip_id"], row["label_name"]) for row in stills] == [
        ("train", "train/n01/a.JPEG", "n01"), ("train", "train/n01/turned.jpg", "n01"),
        ("train", "train/n02/b.png", "n02"), ("validation", "val/n01/c.webp", "n01"),
        ("validation", "val/n02/d.bmp", "n02"),
    ]  # fmt: skip
    for row in stills:
        assert row["image"] == {"bytes": (source / row["clip_id"]).read_bytes(), "path": row["clip_id"]}
        assert (row["image_id"], row["people"]) == (None, [])
        assert (row["width"], row["height"]) == ((48, 64) if "turned" in row["clip_id"] else (64, 48))


def test_frames_of_videos_are_pictures_too(done, source):
    frames = [row for row in rows(done, "images") if "#" in row["clip_id"]]
    assert [row["clip_id"] for row in frames] == [f"train/n02/walk.avi#{n:06d}" for n in range(SECONDS)]
    assert {row["group"] for row in frames} == {"train/n02/walk.avi"}
    with open_clip(source / "train/n02/walk.avi", fps=1) as clip:
        for row, frame in zip(frames, clip, strict=True):
            shown = np.asarray(Image.open(io.BytesIO(row["image"]["bytes"])))
            assert (row["width"], row["height"]) == (64, 48)
            assert np.abs(shown.astype(int) - frame.rgb).max() <= 1  # JPEG of one grey


def test_what_cannot_be_decoded_is_rejected_and_the_sums_hold(done):
    (row,) = rows(done, "rejected")
    assert (row["clip_id"], row["stage"]) == ("train/n02/broken.jpg", "decode")
    manifest = read_manifest(done)
    assert manifest["clips"] == {"listed": 7, "built": 6, "rejected": 1, "missing": 0}
    assert {file["product"] for file in manifest["files"]} == {"images", "rejected"}
    assert manifest["rows"] == {
        "images/train": 6, "images/validation": 2, "rejected/train": 1, "rejected/validation": 0,
    }  # fmt: skip
    assert check(done) == []


def test_a_video_that_fails_leaves_no_frame_behind(source, tmp_path, monkeypatch):
    monkeypatch.setattr(Job, "load_estimator", lambda self: Poisoned())
    build(images.list_clips(source / "train"), SETTINGS, tmp_path / "out")
    assert not [row for row in rows(tmp_path / "out", "images") if "walk.avi" in row["clip_id"]]
    assert "n02/walk.avi" in {row["clip_id"] for row in rows(tmp_path / "out", "rejected")}


class Poisoned(job.Blind):
    """Its output is not finite on grey frames."""

    def __call__(self, frames, hints):
        return [replace(self._nobody, finite=bool(frame.std() > 1)) for frame in frames]


def test_annotated_people_go_with_their_picture(annotated):
    by_name = {row["clip_id"]: row for row in rows(annotated, "images")}
    assert sorted((row["image_id"], len(row["people"])) for row in by_name.values()) == [(30, 0), (31, 2), (33, 0)]
    crowd, person = by_name["n01/a.JPEG"]["people"]
    assert (crowd["annotation_id"], crowd["iscrowd"], crowd["area"], crowd["num_keypoints"]) == (5, True, None, 0)
    assert crowd["keypoints"] == [0.0] * 51
    assert (person["annotation_id"], person["iscrowd"], person["area"]) == (7, False, 600.5)
    assert person["bbox"] == [1.5, 2, 30, 40]
    points = np.reshape(person["keypoints"], (17, 3))
    assert person["num_keypoints"] == (points[:, 2] > 0).sum() == 12
    seen = np.flatnonzero(points[:, 2] > 0)
    np.testing.assert_array_equal(points[seen, :2], np.column_stack([seen, 2 * seen]) + 0.5)
    assert (points[points[:, 2] == 0] == 0).all()
    assert check(annotated) == []


def test_an_image_of_another_size_than_annotated_is_told(source, annotations, tmp_path):
    listing = coco.list_clips(source / "train", annotations=annotations)
    ((clip_id, text),) = build(listing, ANNOTATED, tmp_path / "out").receipts[0].warnings
    assert (clip_id, text[:43]) == ("n01/turned.jpg", "annotated as 64 x 48, the image is 48 x 64 ")


def test_huggingface_datasets_opens_pictures(done, annotated, tmp_path, source, monkeypatch):
    monkeypatch.setenv("HF_HUB_OFFLINE", "1")
    datasets = pytest.importorskip("datasets")
    loaded = datasets.load_dataset(str(done), cache_dir=str(tmp_path / "cache"))
    assert isinstance(loaded["train"].features["image"], datasets.Image)
    row = loaded["validation"][1]
    assert row["image"].size == (row["width"], row["height"])
    np.testing.assert_array_equal(np.asarray(row["image"].convert("RGB")), picture(3))
    people = datasets.load_dataset(str(annotated), "images", cache_dir=str(tmp_path / "cache"))["train"]
    assert [len(row["people"]) for row in people] == [2, 0, 0]
    assert people[0]["people"][1]["bbox"] == [1.5, 2, 30, 40]


def test_bytes_do_not_depend_on_the_run_and_a_second_run_does_nothing(done, source, tmp_path):
    listing = images.list_clips(source)
    build(replace(listing, refs=listing.refs[::-1]), SETTINGS, tmp_path / "again")
    assert promised(tmp_path / "again") == promised(done)
    assert build(listing, SETTINGS, done).run["decoded"] == 0


def test_only_the_lost_shard_is_built_again(done, source):
    before = promised(done)
    next((done / "images").glob("validation-*")).unlink()
    assert build(images.list_clips(source), SETTINGS, done).run["decoded"] == 2
    assert promised(done) == before


def test_check_finds_a_changed_picture(done):
    path = next((done / "images").glob("train-*"))
    content = bytearray(path.read_bytes())
    content[len(content) // 3] ^= 1
    path.write_bytes(content)
    assert any("sha256" in finding for finding in check(done))


def test_other_frames_of_the_videos_are_another_configuration(done, source):
    with pytest.raises(PlanError, match=r"poses.fps: 1.0 in the folder, 2.0 now"):
        build(images.list_clips(source), replace(SETTINGS, poses=replace(POSES, fps=2.0)), done)


def test_overwriting_never_removes_what_is_not_ours(source):
    """OUT may hold a folder called images that is the source."""
    before = promised(source)
    with pytest.raises(PlanError, match="no data set of posebeam"):
        build(images.list_clips(source), SETTINGS, source, overwrite=True)
    assert promised(source) == before


def test_overwriting_is_refused_where_strange_files_lie(done, source):
    other = replace(SETTINGS, poses=replace(POSES, fps=2.0))
    (done / "images/mine.jpg").write_bytes(b"mine")
    before = promised(done)
    with pytest.raises(PlanError, match=r"mine.jpg is not posebeam's"):
        build(images.list_clips(source), other, done, overwrite=True)
    assert promised(done) == before
    (done / "images/mine.jpg").unlink()
    build(images.list_clips(source), other, done, overwrite=True)
    assert check(done) == []


def test_poses_stand_beside_the_pictures_if_a_backbone_is_named(source, tmp_path, monkeypatch, stub):
    monkeypatch.setattr(Job, "load_estimator", lambda self: stub(wants_hints=False))
    seen = replace(SETTINGS, poses=replace(POSES, backbone="movenet-lightning", weights_sha256="0" * 64))
    build(images.list_clips(source), seen, tmp_path / "out")
    assert check(tmp_path / "out") == []
    pictures = {row["clip_id"]: row for row in rows(tmp_path / "out", "images")}
    poses = {row["clip_id"]: row for row in rows(tmp_path / "out", "poses")}
    assert sorted(poses) == sorted(pictures)
    for name, row in poses.items():
        assert (row["width"], row["height"]) == (pictures[name]["width"], pictures[name]["height"])
    grey = [poses[f"train/n02/walk.avi#{n:06d}"]["xy"][0] for n in range(SECONDS)]
    np.testing.assert_allclose(grey, [0, 75, 150], atol=1.5)  # the stub puts joint 0 at a frame's mean colour
    shutil.rmtree(tmp_path / "out")


def test_a_row_group_is_bounded_in_bytes(tmp_path):
    """Sixty-four photographs of a large camera would be gigabytes."""
    columns = dict.fromkeys(product().schema.names)
    clip = {**columns, "clip_id": "a", "label": 0, "label_name": "a", "group": "a"}
    small = replace(product(), row_group_bytes=10_000)
    sizes = [100, 6000, 3000, 6000, 20_000, 100, *[10] * 63, 20_000, *[10] * 100]
    tables = [image_row(clip, "a", None, (1, 1), bytes(size), ()) for size in sizes]
    assert write_parquet(tmp_path / "a.parquet", small, iter(tables), {}) == len(sizes)
    file = pq.ParquetFile(tmp_path / "a.parquet")
    groups = [file.read_row_group(n)["image"] for n in range(file.num_row_groups)]
    lengths = [[len(one["bytes"]) for one in group.to_pylist()] for group in groups]
    assert lengths == [
        [100, 6000, 3000], [6000], [20_000], [100, *[10] * 63], [20_000], [10] * 64, [10] * 36
    ]  # fmt: skip


def test_schema_metadata_says_image():
    told = json.loads(Job("", "", {}, (), SETTINGS).footer("images", "")["huggingface"])["info"]["features"]
    assert told["image"] == {"_type": "Image"}
    assert list(told) == product().schema.names
    assert pa.types.is_binary(product().schema.field("image").type.field("bytes").type)
    assert shard.IMAGES_PER_SHARD > shard.CLIPS_PER_SHARD


def test_cocos_own_images_and_people_come_back_as_they_were(foreign_data, tmp_path):
    folder = foreign_data / "coco"
    (annotations,) = (folder / "annotations").glob("*.json")
    build(coco.list_clips(folder / "images", annotations=annotations), ANNOTATED, tmp_path / "out")
    known = {one["id"]: one for one in json.loads(annotations.read_text())["annotations"]}
    found = rows(tmp_path / "out", "images")
    people = [(row["image_id"], one) for row in found for one in row["people"]]
    assert len(found) == 36
    assert {one["annotation_id"] for _, one in people} == known.keys()
    for row in found:
        assert row["image"]["bytes"] == (folder / "images" / row["clip_id"]).read_bytes()
    for image_id, one in people:
        want = known[one["annotation_id"]]
        assert (image_id, one["bbox"], one["area"]) == (want["image_id"], want["bbox"], want["area"])
        points = np.reshape(want["keypoints"], (17, 3)).astype(float)
        points[points[:, 2] > 0, :2] += 0.5
        np.testing.assert_array_equal(np.reshape(one["keypoints"], (17, 3)), points)
