"""Mirrors: what is in the store is here, and nothing is fetched twice."""

import pytest

from posebeam.pipelines.publish import publish, publish_json, workspace
from posebeam.pipelines.stores.address import located
from posebeam.pipelines.stores.held import EVERYTHING, held
from posebeam.pipelines.stores.mirror import entries_below, entry_of, present, remove
from posebeam.transforms.errors import StoreError

OUT = "gs://bucket/out"


@pytest.fixture
def out(store):
    """A data set in the store, as far as files go, and neighbours that are none of its."""
    for name in ("plan.json", "_shards/train-00000.json", "poses/a.parquet", "windows/a.parquet", "_tmp/rest"):
        store.put(f"out/{name}", name.encode())
    store.put("out-2/plan.json", b"another")
    return located(OUT)


def test_records_come_and_products_only_when_named(store, out):
    files = held(out)
    assert files == {
        name: len(name)
        for name in ("plan.json", "_shards/train-00000.json", "poses/a.parquet", "windows/a.parquet")
    }
    assert (out / "plan.json").read_text() == "plan.json"
    assert not (out / "poses").exists()
    held(out, "windows")
    assert (out / "windows/a.parquet").is_file()
    assert not (out / "poses").exists()
    held(out, *EVERYTHING)
    assert (out / "poses/a.parquet").is_file()
    assert sorted(name for kind, name in store.requests if kind == "fetch") == sorted(
        f"out/{name}" for name in files
    )


def test_what_changed_is_fetched_again_and_what_is_gone_goes(store, out):
    held(out)
    store.put("out/plan.json", b"PLAN.json")  # of the same size
    del store.objects["out/_shards/train-00000.json"]
    store.requests.clear()
    held(out)
    assert (out / "plan.json").read_text() == "PLAN.json"
    assert not (out / "_shards/train-00000.json").exists()
    assert store.requests == [("list", "out/"), ("fetch", "out/plan.json")]


def test_a_copy_that_somebody_changed_here_is_fetched_again(store, out):
    held(out)
    (out / "plan.json").write_text("damaged!!")
    held(out)
    assert (out / "plan.json").read_text() == "plan.json"


def test_a_fetch_that_fails_leaves_no_file_and_the_others(store, out, left):
    store.failing["out/plan.json"] = ConnectionError("reset")
    with pytest.raises(StoreError, match=r"gs://bucket/out/plan\.json"):
        held(out)
    assert not (out / "plan.json").exists()
    assert left() == []


def test_a_file_or_a_folder_can_be_asked_for(store, out):
    assert present(out / "plan.json").read_text() == "plan.json"
    assert {path.name for path in present(out / "_shards").iterdir()} == {"train-00000.json"}
    assert not present(out / "nothing").exists()
    assert entry_of(out / "plan") is None
    assert [name for name, _ in entries_below(located("gs://bucket"))][:1] == ["out-2/plan.json"]


def test_published_is_what_was_uploaded_whole(store, out, left):
    held(out)
    publish_json({"new": 1}, out, "plan.json")
    assert store.objects["out/plan.json"] == b'{\n "new": 1\n}\n'
    assert not (out / "plan.json").exists(), "a copy of the old one would be read"
    assert left() == []


def test_an_upload_that_fails_leaves_what_was_there(store, out, left):
    store.failing["out/poses/a.parquet"] = ConnectionError("reset")
    with workspace(out) as folder:
        (folder / "part").write_bytes(b"new")
        with pytest.raises(StoreError):
            publish(folder / "part", out / "poses/a.parquet")
    assert store.objects["out/poses/a.parquet"] == b"poses/a.parquet"
    assert left() == []


def test_what_is_removed_is_gone_here_and_there(store, out):
    held(out)
    for _ in range(2):
        remove(out / "plan.json")
        assert "out/plan.json" not in store.objects
        assert not (out / "plan.json").exists()


def test_names_that_no_file_can_have_are_left_out(store):
    for name in ("f/a.mp4", "f//b.mp4", "f/../c.mp4", "f/folder/", "f/./d.mp4"):
        store.put(name, b"")
    assert [name for name, _ in entries_below(located("s3://bucket/f"))] == ["a.mp4"]


def test_here_it_is_what_lies_on_the_disk(tmp_path):
    (tmp_path / "poses").mkdir()
    (tmp_path / "_tmp").mkdir()
    for name in ("plan.json", "poses/a.parquet", "_tmp/rest"):
        (tmp_path / name).write_text(name)
    assert held(tmp_path) == {"plan.json": 9, "poses/a.parquet": 15}
    assert held(tmp_path / "nothing") == {}
