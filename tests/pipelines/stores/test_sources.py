"""Sources in a store list what they list on a disk: the same ids, labels, groups, splits, sizes."""

import csv
import json
from dataclasses import replace
from pathlib import Path

import pytest

from posebeam.pipelines.sources import coco, images, manifest, ucf101, videos
from posebeam.transforms.errors import SourceError

BUCKET = "s3://bucket"


@pytest.fixture
def place(store, tmp_path):
    """Writes small files here and into the store; gives the folder here, which is the bucket there."""
    root = tmp_path / "bucket"

    def write(*names: str) -> Path:
        for name in names:
            _write(name, f"content of {name}")
        return root

    def _write(name, text):
        (root / name).parent.mkdir(parents=True, exist_ok=True)
        (root / name).write_text(text)
        store.put(name, text.encode())

    write.text = _write
    root.mkdir()
    return write


def same(here, there, root):
    """Whether two listings are one, but for where the clips lie."""
    moved = tuple(replace(ref, uri=ref.uri.replace(str(root), BUCKET)) for ref in here.refs)
    assert there.refs == moved
    assert all(ref.uri.startswith(BUCKET) for ref in there.refs)
    assert there.missing == here.missing
    assert there.unlisted == here.unlisted
    assert [text.replace(BUCKET, str(root)) for text in there.warnings] == list(here.warnings)
    assert there.ignored == here.ignored or {name.rstrip("/") for name in here.ignored} == {
        name.split("/")[0] if name.startswith(".") else name for name in there.ignored
    }


CLIPS = [f"v/{label}/{n}.mp4" for label in ("walk", "run", "sit") for n in range(4)]


@pytest.mark.parametrize("source", ["v", "v/", "v/*/*.mp4", "v/**/[0-2].mp4", "v/run/1.mp4", "v/w??k/[!0].mp4"])
def test_videos(place, store, source):
    root = place(*CLIPS, "v/walk/notes.txt", "v/.hidden/walk/x.mp4", "videos/other.mp4")
    there = videos.list_clips(f"{BUCKET}/{source}", group=r"\d")
    same(videos.list_clips(root / source, group=r"\d"), there, root)
    assert store.count("list") <= 3, "no request a clip"
    assert store.count("fetch") == 0


def test_videos_in_split_folders_and_images(place):
    splits = [f"v/{split}/{label}/{n}.mp4" for split in ("train", "test") for label in "ab" for n in range(2)]
    root = place(*splits, "p/dogs/1.jpg", "p/val/cats/2.PNG", "p/film.mp4", "p/readme.md")
    same(videos.list_clips(root / "v"), videos.list_clips(f"{BUCKET}/v"), root)
    same(images.list_clips(root / "p"), images.list_clips(f"{BUCKET}/p"), root)


@pytest.mark.parametrize("lists", ["ucf/ucfTrainTestlist", "ucfTrainTestlist"])
def test_ucf101_with_its_lists_below_or_beside(place, store, lists):
    names = [f"{label}/v_{label}_g{group:02d}_c01.avi" for label in ("Archery", "Diving") for group in (1, 2, 3)]
    root = place(*(f"ucf/{name}" for name in names), "ucf/Archery/v_Archery_g09_c01.avi")
    place.text(f"{lists}/classInd.txt", "1 Archery\n2 Diving\n")
    for split in (1, 2, 3):
        tested = [name for name in names if f"_g{split:02d}_" in name]
        place.text(f"{lists}/testlist{split:02d}.txt", "\n".join(tested))
        place.text(
            f"{lists}/trainlist{split:02d}.txt",
            "\n".join(f"{n} {1 + ('Div' in n)}" for n in names if n not in tested),
        )
    here = ucf101.list_clips(root / "ucf")
    assert len(here.refs) == 6
    same(here, ucf101.list_clips(f"{BUCKET}/ucf"), root)
    assert store.count("fetch") == 7, "of all that lies there the lists are fetched"


def write_table(place, name, rows):
    text = "\n".join(["uri,label", *(",".join(row) for row in rows)])
    place.text(name, text)


def test_a_table_beside_its_clips(place, store):
    rows = [
        ("a/1.mp4", "walk"),
        ("a/2.mp4", "run"),
        ("../up/3.mp4", "run"),
        ("gone.mp4", "run"),
        ("a/4.mp4", "walk"),
    ]
    root = place("t/a/1.mp4", "t/a/2.mp4", "up/3.mp4", "t/a/4.mp4")
    write_table(place, "t/clips.csv", rows)
    same(manifest.list_clips(root / "t/clips.csv"), manifest.list_clips(f"{BUCKET}/t/clips.csv"), root)
    assert store.count("list") <= 4


def test_a_table_in_a_store_leads_to_no_file_of_this_machine(place):
    place("t/a/1.mp4")
    write_table(place, "t/clips.csv", [("a/1.mp4", "walk"), (f"{'../' * 5}etc/hostname", "walk")])
    with pytest.raises(SourceError, match=r"line 3: .*leads out of the store"):
        manifest.list_clips(f"{BUCKET}/t/clips.csv")


def test_the_layout_of_two_tables(place, store):
    root = place(*(f"s/{part}/{n}.avi" for part in ("train", "test") for n in "ab"))
    for part in ("train", "test"):
        place.text(f"s/{part}.csv", "video_name,tag\na.avi,walk\nb.avi,run\n")
    same(manifest.list_clips(root / "s"), manifest.list_clips(f"{BUCKET}/s"), root)
    assert {name for kind, name in store.requests if kind == "fetch"} == {"s/train.csv", "s/test.csv"}


def test_a_table_here_of_clips_in_a_store(place, store, tmp_path):
    place("x/1.mp4", "x/2.mp4", "y/3.mp4")
    rows = [[f"{BUCKET}/x/1.mp4", "walk"], [f"{BUCKET}/x/2.mp4", "run"], [f"{BUCKET}/y/gone.mp4", "run"]]
    with (tmp_path / "t.csv").open("w", newline="") as file:
        csv.writer(file).writerows([["uri", "label"], *rows])
    listing = manifest.list_clips(tmp_path / "t.csv")
    assert [(ref.uri, ref.size) for ref in sorted(listing.refs, key=lambda ref: ref.uri)] == [
        (f"{BUCKET}/x/{n}.mp4", len(store.objects[f"x/{n}.mp4"])) for n in (1, 2)
    ]
    assert all(ref.clip_id.startswith("outside/") for ref in listing.refs)
    assert listing.missing == (f"{BUCKET}/y/gone.mp4",)
    with (tmp_path / "t.csv").open("a", newline="") as file:
        csv.writer(file).writerows([[f"{BUCKET}/x/../y/3.mp4", "run"], [f"{BUCKET}/x/2.mp4", "run"]])
    with pytest.raises(
        SourceError, match=r"line 5: .*expected s3://bucket/folder\n.*line 6: .*stands in t.csv, line 3"
    ):
        manifest.list_clips(tmp_path / "t.csv")


def test_coco(place, store):
    root = place("i/1.jpg", "i/2.jpg", "i/3.jpg")
    people = [{"id": 1, "image_id": 1, "category_id": 1, "bbox": [0, 0, 5, 5], "area": 25, "iscrowd": 0}]
    named = [{"id": n, "file_name": f"{n}.jpg", "width": 9, "height": 9} for n in (1, 2, 7)]
    content = {"images": named, "annotations": people, "categories": [{"id": 1, "name": "person"}]}
    place.text("a/person_keypoints_val2017.json", json.dumps(content))
    here = coco.list_clips(root / "i", annotations=root / "a/person_keypoints_val2017.json")
    there = coco.list_clips(f"{BUCKET}/i", annotations=f"{BUCKET}/a/person_keypoints_val2017.json")
    same(here, there, root)
    assert there.truth.equals(here.truth)
    assert store.count("fetch") == 1


@pytest.mark.parametrize("source", ["nothing", "v/*.avi", "v/walk/9.mp4"])
def test_what_is_not_there_is_no_source(place, source):
    place(*CLIPS)
    with pytest.raises(SourceError, match=BUCKET):
        videos.list_clips(f"{BUCKET}/{source}")
    with pytest.raises(SourceError, match="s3://no-bucket"):
        videos.list_clips(f"s3://no-bucket/{source}")


def test_videos_to_predict_are_named_one_by_one_or_by_a_glob(place):
    place(*CLIPS, "v/walk/a.txt")
    found = [
        f"{path.parent.name}/{path.name}"
        for path in videos.expand([f"{BUCKET}/v/run/2.mp4", f"{BUCKET}/v/walk/*"])
    ]
    assert found == ["run/2.mp4", *(f"walk/{n}.mp4" for n in range(4))]
