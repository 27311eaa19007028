"""A build from bucket to bucket: the bytes of the local one, whatever happens on the way."""

import json
from dataclasses import replace
from pathlib import Path

import cv2
import numpy as np
import pytest

from posebeam.pipelines.build import build
from posebeam.pipelines.check import check
from posebeam.pipelines.job import Job
from posebeam.pipelines.listing import Listing
from posebeam.pipelines.rewindow import rewindow
from posebeam.pipelines.runs import read_runs
from posebeam.pipelines.settings import PoseSettings, Settings
from posebeam.pipelines.sources import coco
from posebeam.pipelines.stores.address import located
from posebeam.pipelines.stores.held import EVERYTHING, held
from posebeam.pipelines.whereabouts import find_video, last_whereabouts
from posebeam.transforms.errors import DataError, PlanError, StoreError
from posebeam.transforms.windows import WindowRule
from posebeam.workflows.argument import brought

SETTINGS = Settings(PoseSettings("videos", "movenet-lightning", "0" * 64, shards=2), WindowRule(min_score=0.2))
OUT = "gs://bucket/out"


@pytest.fixture(autouse=True)
def stub_backbone(monkeypatch, stub):
    """Stores are what is tested here, not a network."""
    monkeypatch.setattr(Job, "load_estimator", lambda self: stub())


@pytest.fixture
def stored(store, clips):
    """The little clips in the store."""
    for ref in clips:
        store.put(f"clips/{ref.clip_id}", Path(ref.uri).read_bytes())
    return Listing(tuple(replace(ref, uri=f"gs://bucket/clips/{ref.clip_id}") for ref in clips))


def promised(out):
    files = (path for path in out.rglob("*") if path.is_file() and path.name != "run.json")
    return {path.relative_to(out).as_posix(): path.read_bytes() for path in files}


def promised_there(store, prefix="out/"):
    return {
        name.removeprefix(prefix): content
        for name, content in store.objects.items()
        if name.startswith(prefix) and not name.endswith("run.json")
    }


@pytest.fixture
def expected(clips, tmp_path):
    """What the same build makes on a disk."""
    build(Listing(clips), SETTINGS, tmp_path / "local")
    return promised(tmp_path / "local")


def test_the_bytes_are_those_of_a_local_build_and_nothing_stays_here(store, stored, expected, left):
    built = build(stored, SETTINGS, Path(OUT))
    assert built.manifest["clips"]["built"] == len(stored.refs)
    assert promised_there(store) == expected
    assert not any(b"gs://" in content or b"bucket" in content for content in promised_there(store).values())
    assert left() == []
    assert not list(located(OUT).rglob("*.parquet")), "shards are not kept by who built them"
    assert check(brought(OUT)) == []


def test_a_second_run_lists_and_decodes_nothing(store, stored, expected):
    build(stored, SETTINGS, Path(OUT))
    shards = len([name for name in store.objects if name.startswith("out/_shards/")])
    store.requests.clear()
    assert build(stored, SETTINGS, Path(OUT)).skipped == shards
    assert {kind for kind, _ in store.requests} <= {"list", "fetch"}
    assert store.count("list") <= 2
    assert {name for kind, name in store.requests if kind == "fetch"} <= {
        "out/manifest.json", "out/README.md", "out/run.json", "out/plan.json",
    }  # fmt: skip
    assert promised_there(store) == expected


def test_only_what_is_lost_is_built_again_by_any_machine(store, stored, expected, tmp_path, monkeypatch):
    build(stored, SETTINGS, Path(OUT))
    lost = next(name for name in sorted(store.objects) if name.startswith("out/windows/test"))
    del store.objects[lost]
    monkeypatch.setenv("POSEBEAM_CACHE", str(tmp_path / "another-machine"))
    built = build(stored, SETTINGS, Path(OUT))
    assert built.run["shards"] == 1
    assert promised_there(store) == expected


@pytest.mark.parametrize(
    "name", ["out/windows/test-00000-of-00002.parquet", "out/_shards/train-00001.json", "out/manifest.json"]
)
def test_a_store_that_fails_ends_the_build_and_the_same_command_goes_on(store, stored, expected, left, name):
    store.failing[name] = ConnectionResetError("reset")
    with pytest.raises(StoreError, match=r"gs://bucket/out/"):
        build(stored, SETTINGS, Path(OUT))
    assert name not in store.objects
    assert "out/manifest.json" not in store.objects
    assert left() == []
    store.failing.clear()
    build(stored, SETTINGS, Path(OUT))
    assert promised_there(store) == expected


def test_a_clip_that_vanished_is_rejected_as_on_a_disk(store, stored, tmp_path, clips):
    gone = stored.refs[3].clip_id
    del store.objects[f"clips/{gone}"]
    built = build(stored, SETTINGS, Path(OUT))
    assert (built.manifest["clips"]["built"], built.manifest["clips"]["rejected"]) == (len(clips) - 1, 1)


def test_a_store_that_is_down_makes_no_rejects(store, stored, expected):
    store.failing[f"clips/{stored.refs[3].clip_id}"] = ConnectionRefusedError("down")
    with pytest.raises(StoreError, match="gs://bucket/clips/"):
        build(stored, SETTINGS, Path(OUT))
    store.failing.clear()
    build(stored, SETTINGS, Path(OUT))
    assert promised_there(store) == expected


def test_another_configuration_is_refused_and_overwrite_replaces_ours_alone(store, stored):
    build(stored, SETTINGS, Path(OUT))
    other = replace(SETTINGS, poses=replace(SETTINGS.poses, shards=1))
    store.put("out/mine.txt", b"a note")
    store.put("out-2/plan.json", b"another's")
    faster = replace(SETTINGS, poses=replace(SETTINGS.poses, fps=5.0))
    with pytest.raises(PlanError, match="another configuration"):
        build(stored, faster, Path(OUT))
    build(stored, other, Path(OUT), overwrite=True)
    assert not [name for name in store.objects if "-of-00002" in name]
    assert store.objects["out/mine.txt"] == b"a note"
    assert store.objects["out-2/plan.json"] == b"another's"
    with pytest.raises(PlanError, match="holds files but no plan"):
        build(stored, SETTINGS, Path("gs://bucket/clips"))


def test_images_with_annotated_people_and_results_of_them(store, tmp_path, left):
    """The annotations travel beside the data set while it is built, and the results are made of its poses."""
    for n in range(3):
        picture = cv2.imencode(".png", np.full((24, 32, 3), 40 * n, np.uint8))[1].tobytes()
        (tmp_path / "images").mkdir(exist_ok=True)
        (tmp_path / f"images/{n}.png").write_bytes(picture)
        store.put(f"images/{n}.png", picture)
    people = [{"id": 1, "image_id": 1, "category_id": 1, "bbox": [0, 0, 5, 5], "area": 25, "iscrowd": 0}]
    named = [{"id": n, "file_name": f"{n}.png", "width": 32, "height": 24} for n in range(3)]
    content = {"images": named, "annotations": people, "categories": [{"id": 1, "name": "person"}]}
    (tmp_path / "val2017.json").write_text(json.dumps(content))
    coco_settings = replace(SETTINGS, poses=replace(SETTINGS.poses, kind="coco", crop_following=False))
    built = {}
    for source, out in ((tmp_path / "images", tmp_path / "local"), ("gs://bucket/images", Path(OUT))):
        listing = coco.list_clips(source, annotations=tmp_path / "val2017.json")
        built[source] = build(listing, coco_settings, out).manifest
    assert built[tmp_path / "images"] == built["gs://bucket/images"]
    assert built["gs://bucket/images"]["rows"]["people/validation"] == 1
    assert "coco-results.json" in promised_there(store)
    assert promised_there(store) == promised(tmp_path / "local")
    assert left() == []
    assert check(brought(OUT)) == []


def test_windows_again_from_store_to_store(store, stored, expected):
    build(stored, SETTINGS, Path(OUT))
    rewindow(brought(OUT), Path("gs://bucket/again"), SETTINGS.windows)
    assert promised_there(store, "again/") == expected
    assert read_runs(located("gs://bucket/again")) == []
    held(located("gs://bucket/again"), *EVERYTHING)
    assert read_runs(located("gs://bucket/again"))[-1]["poses_of"] == OUT


def test_where_the_videos_lie_is_told_by_uri(store, stored):
    build(stored, SETTINGS, Path(OUT))
    assert last_whereabouts(brought(OUT)) == {"source": "gs://bucket/clips", "elsewhere": {}}
    wanted = stored.refs[0]
    assert find_video(brought(OUT), wanted.clip_id) == wanted.uri
    assert find_video(brought(OUT), wanted.clip_id, located("s3://copy/of")) == f"s3://copy/of/{wanted.clip_id}"


def test_keys_stay_out_of_the_record(store, stored):
    build(stored, SETTINGS, Path(OUT), beam_args=["--s3_secret_access_key=hush", "--s3_region_name=here"])
    told = json.loads(store.objects["out/run.json"])["runs"][-1]["beam_args"]
    assert told == ["--s3_secret_access_key=***", "--s3_region_name=here"]
    assert not any(b"hush" in content for content in store.objects.values())


def test_what_is_not_there_is_said(store):
    with pytest.raises(DataError, match="nothing lies there"):
        brought("gs://bucket/nothing")
