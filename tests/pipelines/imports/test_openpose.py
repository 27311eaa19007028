"""OpenPose's JSON to poses and windows: who is followed, which layout, and what is refused."""

import json
from pathlib import Path

import numpy as np
import pyarrow.parquet as pq
import pytest

from posebeam.pipelines.check import check
from posebeam.pipelines.imports.imported import SEEN
from posebeam.pipelines.imports.openpose import find_skeleton, import_openpose, read_tracks
from posebeam.pipelines.read import WindowReader
from posebeam.pipelines.rewindow import rewindow
from posebeam.pipelines.sources.openpose_json import list_clips
from posebeam.transforms.chain import chain
from posebeam.transforms.errors import ConfigError, DecodeError, SourceError
from posebeam.transforms.windows import WindowRule

BODY = WindowRule(min_score=SEEN, layout="act13-body25")


def pose(seed: int, joints: int = 25) -> np.ndarray:
    """x, y, score [K, 3]; joint 4 was not found."""
    rng = np.random.default_rng(seed)
    found = np.concatenate([rng.uniform(20, 300, (joints, 2)), rng.uniform(0.1, 1, (joints, 1))], -1).round(3)
    found[4] = 0
    return found


def person(seed: int, who: int | None = None, joints: int = 25) -> dict[str, object]:
    number = {} if who is None else {"person_id": [who]}
    return {**number, "pose_keypoints_2d": pose(seed, joints).ravel().tolist(), "face_keypoints_2d": []}


def write(folder: Path, frames: dict[int, list[dict[str, object]]], name: str = "clip") -> Path:
    """A clip's folder as --write_json leaves it."""
    folder.mkdir(parents=True, exist_ok=True)
    for number, people in frames.items():
        text = json.dumps({"version": 1.3, "people": people})
        (folder / f"{name}_{number:012d}_keypoints.json").write_text(text)
    return folder


@pytest.fixture(scope="module")
def source(tmp_path_factory):
    """Two labels, five clips each, 40 frames: one person listed first, another one behind, nobody in frame 7."""
    root = tmp_path_factory.mktemp("json")
    for number in range(10):
        frames = {t: [person(100 * number + t, -1), person(5000 + t, -1)] for t in range(40) if t != 7} | {7: []}
        write(root / ("walk", "wave")[number % 2] / f"v{number}", frames)
    (root / "walk" / "notes.txt").write_text("left alone")
    return root


@pytest.fixture(scope="module")
def out(source, tmp_path_factory):
    folder = tmp_path_factory.mktemp("data") / "out"
    listing = list_clips(source)
    assert listing.ignored == ("walk/notes.txt",)
    import_openpose(listing, find_skeleton(listing), BODY, folder, rate=20.0)
    return folder


def rows(out: Path, product: str) -> list[dict[str, object]]:
    return [row for path in sorted((out / product).glob("*")) for row in pq.read_table(path).to_pylist()]


def test_poses_are_the_person_listed_first(out):
    found = {row["clip_id"]: row for row in rows(out, "poses")}
    assert sorted(found) == sorted(f"{('walk', 'wave')[number % 2]}/v{number}" for number in range(10))
    row = found["wave/v3"]
    assert row["frames"] == [t for t in range(40) if t != 7]
    assert row["seconds"][:2] + row["seconds"][7:8] == pytest.approx([0, 0.05, 0.4])
    expected = np.stack([pose(300 + t) for t in range(40) if t != 7]).astype(np.float32)
    np.testing.assert_array_equal(np.reshape(row["xy"], (39, 25, 2)), expected[..., :2])
    np.testing.assert_array_equal(np.reshape(row["score"], (39, 25)), expected[..., 2])


def test_windows_are_what_the_chain_makes_of_the_frames(out):
    reader = WindowReader(out)
    row = np.flatnonzero((reader.clips == "walk/v2") & (reader.starts == 0))
    frames = np.stack([pose(200 + t) for t in range(30)])
    frames[7] = 0
    frames = frames.astype(np.float32)
    x, valid = chain("act").apply(frames[..., :2], frames[..., 2] >= SEEN, "body25", "act13-body25")
    got_x, got_valid = reader.take(row)
    np.testing.assert_array_equal(got_x[0], x.astype(np.float32))
    np.testing.assert_array_equal(got_valid[0], valid)


def test_it_is_a_data_set_like_any_other(out, tmp_path):
    assert check(out) == []
    config = json.loads((out / "manifest.json").read_text())["config"]
    assert (config["backbone"], config["weights_sha256"], config["skeleton"]) == (
        "imported-openpose", "unknown", "body25",
    )  # fmt: skip
    manifest = rewindow(out, tmp_path / "coco", WindowRule(min_score=SEEN, layout="act13-coco"))
    assert manifest["config"]["layout"] == "act13-coco"
    assert check(tmp_path / "coco") == []
    rewindow(out, tmp_path / "same", BODY)
    for path in out.rglob("*.*"):
        if path.is_file():
            assert (tmp_path / "same" / path.relative_to(out)).read_bytes() == path.read_bytes()


def test_split_folders_are_kept(tmp_path):
    for number, split in enumerate(("train", "train", "val", "test")):
        write(tmp_path / split / "walk" / f"v{number}", {t: [person(t)] for t in range(3)})
    listing = list_clips(tmp_path)
    assert {ref.clip_id: ref.split for ref in listing.refs} == {
        "train/walk/v0": "train", "train/walk/v1": "train", "val/walk/v2": "validation", "test/walk/v3": "test",
    }  # fmt: skip
    assert {ref.label for ref in listing.refs} == {"walk"}


def test_the_group_is_read_off_the_path(source):
    listing = list_clips(source, group=r"v(\d)")
    assert {ref.clip_id: ref.group for ref in listing.refs}["walk/v4"] == "4"


def test_whoever_has_a_number_is_followed(tmp_path):
    """The list's order changes from frame to frame; person 9 is gone for a while, somebody has no number."""
    frames = {t: [person(t, 2), person(100 + t, 9)][:: 1 if t % 2 else -1] for t in range(6)}
    frames[3] = [person(3, 2), person(77, -1)]
    tracks = read_tracks("c", write(tmp_path / "clip", frames), "body25")
    assert [(track.person, track.frames.tolist()) for track in tracks] == [(2, [*range(6)]), (9, [0, 1, 2, 4, 5])]
    np.testing.assert_array_equal(tracks[1].xy[-1], pose(105).astype(np.float32)[:, :2])


def test_frames_go_by_number_and_long_clips_come_in_segments(tmp_path):
    frames = {t: [person(0)] for t in (9, 10, 100, *range(1000, 2100))}
    tracks = read_tracks("c", write(tmp_path / "clip", frames), "body25")
    assert [len(track) for track in tracks] == [1024, 79]
    assert tracks[0].frames[:4].tolist() == [9, 10, 100, 1000]
    assert tracks[1].frames[-1] == 2099


def test_a_body_of_zeros_is_nobody(tmp_path):
    empty = {"pose_keypoints_2d": [0] * 75}
    assert read_tracks("c", write(tmp_path / "clip", {0: [empty], 1: []}), "body25") == []


def test_coco_bodies_give_the_coco_layout_only(tmp_path):
    for number in range(3):
        write(tmp_path / "in" / "walk" / f"v{number}", {t: [person(t, joints=18)] for t in range(40)})
    listing = list_clips(tmp_path / "in")
    assert find_skeleton(listing) == "coco18"
    with pytest.raises(ConfigError, match="act13-body25 cannot be made of 'coco18'"):
        import_openpose(listing, "coco18", BODY, tmp_path / "out")
    import_openpose(listing, "coco18", WindowRule(min_score=SEEN), tmp_path / "out")
    assert check(tmp_path / "out") == []


@pytest.mark.parametrize(
    ("text", "reason"),
    [
        ("{", "is no frame of OpenPose's: JSONDecodeError"),
        ("[]", "is no frame of OpenPose's: TypeError"),
        ('{"persons": []}', "is no frame of OpenPose's: KeyError"),
        ('{"people": [{"pose_keypoints_2d": [1, 2, 3]}]}', "3 numbers for a person, expected 75"),
        (json.dumps({"people": [{"pose_keypoints_2d": [1.0] * 54}]}), "other keypoints than the 25 of body25"),
        (
            json.dumps({"people": [{"pose_keypoints_2d": ["a"] * 75}]}),
            "numbers that are not finite, or no numbers",
        ),
        (json.dumps({"people": [{"pose_keypoints_2d": [1e39] * 75}]}), "too large to be pixels"),
        (json.dumps({"people": [None]}), "a person with the number None"),
        ('{"people": ' + "[" * 5000, "deeper than anything is meant"),
        (json.dumps({"people": [{"pose_keypoints_2d": [float("nan")] * 75}]}), "numbers that are not finite"),
        (json.dumps({"people": [{"person_id": {}, "pose_keypoints_2d": [1.0] * 75}]}), "TypeError"),
    ],
)
def test_a_broken_frame_rejects_its_clip_and_no_other(tmp_path, text, reason):
    for number in range(4):
        folder = write(tmp_path / "in" / "walk" / f"v{number}", {t: [person(t)] for t in range(35)})
    (folder / "clip_000000000020_keypoints.json").write_text(text)
    listing = list_clips(tmp_path / "in", group=r"(walk)")
    manifest = import_openpose(listing, "body25", BODY, tmp_path / "out")
    assert (manifest["clips"]["built"], manifest["clips"]["rejected"]) == (3, 1)
    (row,) = rows(tmp_path / "out", "rejected")
    assert (row["clip_id"], row["stage"]) == ("walk/v3", "decode")
    assert reason in row["reason"]
    told = {
        row["clip_id"]: (row["frames"], row["people"], row["windows"]) for row in rows(tmp_path / "out", "clips")
    }
    assert told == {f"walk/v{number}": (35, 1, 2) for number in range(3)} | {"walk/v3": (35, 0, 0)}
    assert check(tmp_path / "out") == []


def test_frames_are_counted_as_far_as_a_column_counts(tmp_path):
    """However far apart two frames are, it costs no more time."""
    for number in (2**31 - 2, 2**31):
        write(tmp_path / "in" / "walk" / f"v{number}", {t: [person(t)] for t in (*range(30), number)})
    manifest = import_openpose(list_clips(tmp_path / "in"), "body25", BODY, tmp_path / "out")
    assert (manifest["clips"]["built"], manifest["clips"]["rejected"]) == (1, 1)
    (row,) = rows(tmp_path / "out", "rejected")
    assert "counts more frames than any clip has" in row["reason"]
    assert check(tmp_path / "out") == []


def test_shares_of_the_picture_are_no_pixels(tmp_path):
    small = {"pose_keypoints_2d": (pose(1) / [400, 400, 1]).ravel().tolist()}
    with pytest.raises(DecodeError, match="shares of the picture, expected pixels: OpenPose's --keypoint_scale 0"):
        read_tracks("c", write(tmp_path / "clip", {t: [small] for t in range(4)}), "body25")


def test_frames_in_other_places_are_refused(tmp_path):
    with pytest.raises(SourceError, match="no frame of OpenPose's in it, expected <label>/<clip>/"):
        list_clips(tmp_path)
    write(tmp_path / "a" / "walk", {0: []})
    with pytest.raises(SourceError, match="stands where no frame is expected"):
        list_clips(tmp_path / "a")
    write(tmp_path / "b" / "some" / "walk" / "v1", {0: []})
    with pytest.raises(SourceError, match="stands where no frame is expected"):
        list_clips(tmp_path / "b")
    write(write(tmp_path / "c" / "walk" / "v1", {0: []}), {1: []}, name="other")
    with pytest.raises(SourceError, match=r"walk/v1 holds frames of 2 clips \(clip, other\)"):
        list_clips(tmp_path / "c")


def test_without_anybody_there_is_nothing_to_import(tmp_path):
    write(tmp_path / "walk" / "v1", {0: [], 1: []})
    with pytest.raises(SourceError, match="nobody was seen in any frame"):
        find_skeleton(list_clips(tmp_path))
