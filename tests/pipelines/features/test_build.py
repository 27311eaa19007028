"""Features of clips: of the first 20 frames, alone or beside poses, the same bytes whoever builds them."""

import shutil
from dataclasses import replace
from functools import partial

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from posebeam.models.extractors import features_sha256, load_extractor
from posebeam.models.frame_features import central_piece
from posebeam.pipelines import decode
from posebeam.pipelines.build import build
from posebeam.pipelines.check import check
from posebeam.pipelines.decode import open_clip
from posebeam.pipelines.features.check import feature_findings
from posebeam.pipelines.job import Job
from posebeam.pipelines.listing import Listing
from posebeam.pipelines.manifest import read_manifest
from posebeam.pipelines.receipt import read_receipt
from posebeam.pipelines.settings import PoseSettings, Settings
from posebeam.pipelines.shard import ShardName
from posebeam.transforms.errors import ConfigError
from posebeam.transforms.windows import WindowRule

NAME = "movenet-lightning"
POSES = PoseSettings(
    "videos", "", "", crop_following=False, shards=2, features=NAME, features_sha256=features_sha256(NAME),
)  # fmt: skip
SETTINGS = Settings(POSES, WindowRule(min_score=0.0))
WITH_POSES = replace(SETTINGS, poses=replace(POSES, backbone=NAME, weights_sha256="0" * 64))


def promised(out):
    """Every file under the promise of equal bytes."""
    files = (path for path in out.rglob("*") if path.is_file() and path.name != "run.json")
    return {str(path.relative_to(out)): path.read_bytes() for path in files}


def rows_of(out, product="features"):
    tables = [pq.read_table(path, partitioning=None) for path in sorted((out / product).glob("*"))]
    return {row["clip_id"]: row for table in tables for row in table.to_pylist()}


def opened_with(monkeypatch):
    """How far each clip was read."""
    clips = []
    plain = decode.Clip.__init__
    monkeypatch.setattr(
        decode.Clip, "__init__", lambda self, *given, **named: clips.append(self) or plain(self, *given, **named)
    )
    return clips


@pytest.fixture(scope="module")
def short(tmp_path_factory, clips):
    """A clip of 7 frames."""
    import cv2

    path = tmp_path_factory.mktemp("short") / "short.avi"
    writer = cv2.VideoWriter(str(path), cv2.VideoWriter_fourcc(*"FFV1"), 25.0, (32, 24))
    for t in range(7):
        writer.write(np.full((24, 32, 3), 20 * t, np.uint8))
    writer.release()
    return replace(clips[0], uri=str(path), clip_id="left/short.avi", group="short")


@pytest.fixture(scope="module")
def listed(clips, short):
    return Listing((*clips, short))


@pytest.fixture(scope="module")
def done(listed, tmp_path_factory):
    out = tmp_path_factory.mktemp("done") / "out"
    build(listed, SETTINGS, out)
    return out


def test_a_row_holds_what_the_extractor_says_of_the_first_frames(done, clips, short):
    rows, extractor = rows_of(done), load_extractor(NAME, device="cpu")
    assert set(rows) == {ref.clip_id for ref in (*clips, short)}
    for ref, length in ((clips[3], 20), (short, 7)):
        frames = [frame.rgb for frame in open_clip(ref.uri, most=20)]
        found = np.array(rows[ref.clip_id]["features"], np.float32).reshape(20, 1280)
        assert rows[ref.clip_id]["length"] == length == len(frames)
        assert np.array_equal(found[:length], extractor([central_piece(frame) for frame in frames]))
        assert not found[length:].any()


def test_decoding_stops_after_the_frames_that_are_looked_at(listed, tmp_path, monkeypatch):
    clips = opened_with(monkeypatch)
    manifest = build(listed, SETTINGS, tmp_path / "out").manifest
    assert max(clip.decoded for clip in clips) == 20
    assert manifest["frames"] == 20 * 10 + 7
    assert manifest["warnings"] == 0  # none was cut short


def test_files_say_what_they_hold(done):
    manifest = read_manifest(done)
    assert {file["product"] for file in manifest["files"]} == {"features", "clips", "rejected"}
    assert manifest["config"]["features"] == NAME
    (footer,) = {
        tuple(pq.read_schema(path).metadata[f"posebeam.{key}".encode()] for key in ("features", "shape"))
        for path in (done / "features").glob("*")
    }
    assert footer == (b"movenet-lightning", b"features [20, 1280]")
    card = (done / "README.md").read_text()
    assert "[20, 1280] flattened" in card
    assert "as people's keypoints taught it" in card
    assert "config_name: features\n  default: true" in card
    assert check(done) == []


def test_poses_beside_them_change_no_bit_of_them(listed, done, tmp_path, monkeypatch, stub):
    monkeypatch.setattr(Job, "load_estimator", lambda self: stub())
    out = tmp_path / "both"
    manifest = build(listed, WITH_POSES, out).manifest
    assert {file["product"] for file in manifest["files"]} == {
        "features", "poses", "windows", "clips", "rejected"
    }  # fmt: skip
    assert manifest["frames"] == sum(31 + 2 * n for n in range(10)) + 7
    assert rows_of(out) == rows_of(done)
    assert check(out) == []
    assert "a row for each" not in (out / "README.md").read_text()


def test_the_same_bytes_over_workers_and_batches_of_frames(listed, done, tmp_path, monkeypatch):
    build(listed, SETTINGS, tmp_path / "two", workers=2)
    assert promised(tmp_path / "two") == promised(done)
    small = replace(SETTINGS, poses=replace(POSES, batch_size=3))
    build(listed, small, tmp_path / "small")
    assert rows_of(tmp_path / "small") == rows_of(done)


def test_only_what_is_missing_is_built_again(listed, done, tmp_path):
    out = tmp_path / "out"
    shutil.copytree(done, out)
    name = ShardName("train", 0, 2)
    (out / name.receipt).unlink()
    (out / name.file("features")).unlink()
    built = build(listed, SETTINGS, out)
    assert built.skipped == 3
    assert promised(out) == promised(done)


def test_a_broken_clip_is_rejected_and_has_no_row(clips, broken, tmp_path):
    manifest = build(Listing((*clips, broken)), SETTINGS, tmp_path / "out").manifest
    assert manifest["clips"] == {"listed": 11, "built": 10, "rejected": 1, "missing": 0}
    assert broken.clip_id not in rows_of(tmp_path / "out")
    assert rows_of(tmp_path / "out", "clips")[broken.clip_id]["rejected"]
    assert check(tmp_path / "out") == []


def test_check_finds_features_behind_the_last_frame_and_clips_without(done, tmp_path):
    out = tmp_path / "out"
    shutil.copytree(done, out)
    path = next(path for path in sorted((out / "features").glob("train*")) if pq.read_metadata(path).num_rows > 1)
    table = pq.read_table(path, partitioning=None)
    at = table.schema.get_field_index("length")
    shorter = pa.array([3] * len(table), pa.int32())
    changed = table.set_column(at, table.schema.field(at), shorter).slice(1)
    pq.write_table(changed, path)
    findings = "\n".join(feature_findings(out, read_manifest(out)["files"]))
    assert "features stand behind its last frame" in findings
    assert "were built, or others" in findings


def test_a_plan_without_features_is_what_it_was():
    plain = Settings(PoseSettings("videos", NAME, "0" * 64), WindowRule(min_score=0.2)).as_dict()
    assert not any("features" in key for key in plain["poses"])
    assert Settings.from_dict(SETTINGS.as_dict()) == SETTINGS


def test_images_have_no_features():
    with pytest.raises(ConfigError, match="images have none"):
        replace(POSES, kind="images")


def test_halvings_of_the_extractor_are_told(listed, tmp_path, monkeypatch):
    real = Job.load_extractor

    def tight(self):
        extractor = real(self)
        plain, failed = extractor._batch._attempt, []

        def attempt(items, chunk, *rest):
            if not failed:
                failed.append(1)
                return None
            return plain(items, chunk, *rest)

        extractor._batch._attempt = attempt
        return extractor

    monkeypatch.setattr(Job, "load_extractor", tight)
    build(listed, SETTINGS, tmp_path / "out")
    receipts = [
        read_receipt(tmp_path / "out", ShardName(split, n, 2)) for split in ("test", "train") for n in (0, 1)
    ]
    assert sum(receipt.halvings for receipt in receipts) == 1


def test_open_clip_gives_as_many_frames_as_are_wanted(clips):
    opened = partial(open_clip, clips[0].uri)
    assert [frame.number for frame in opened(most=5)] == list(range(5))
    assert len(list(opened(most=1000))) == len(list(opened())) == 31
    clip = opened(most=5, fps=12.5)
    assert len(list(clip)) == 5
    assert clip.report.warnings == ()
