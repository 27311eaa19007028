"""plan.json and manifest.json of another posebeam, or of nobody's: which schema is read, and what else is told."""

import errno
import json
import re

import pyarrow.parquet as pq
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from posebeam.pipelines import manifest as manifests
from posebeam.pipelines import plan as plans
from posebeam.pipelines.check import check
from posebeam.pipelines.imports.coco_results import import_results
from posebeam.pipelines.manifest import read_manifest
from posebeam.pipelines.plan import read_plan
from posebeam.pipelines.publish import file_sha256
from posebeam.pipelines.schema import VERSION
from posebeam.transforms.errors import DataError

READERS = {plans.FILE: read_plan, manifests.FILE: read_manifest}
OLD, NEW = str(int(VERSION) - 1), str(int(VERSION) + 1)


@pytest.fixture
def out(tmp_path):
    """A whole data set."""
    image = {"id": 1, "file_name": "1.jpg", "width": 64, "height": 48}
    annotations = {"images": [image], "annotations": [], "categories": [{"id": 1, "name": "person"}]}
    result = {"image_id": 1, "category_id": 1, "keypoints": [20, 20, 1] * 17, "score": 0.5}
    (tmp_path / "val.json").write_text(json.dumps(annotations))
    (tmp_path / "results.json").write_text(json.dumps([result]))
    import_results(tmp_path / "results.json", tmp_path / "val.json", tmp_path / "out")
    return tmp_path / "out"


def change(path, **more):
    path.write_text(json.dumps(json.loads(path.read_text()) | more))


def test_the_schema_stands_in_plan_manifest_and_every_footer(out):
    assert [read(out)["schema"] for read in READERS.values()] == [VERSION, VERSION]
    footers = {path: pq.read_schema(path).metadata[b"posebeam.schema"] for path in out.rglob("*.parquet")}
    assert set(footers.values()) == {VERSION.encode()}
    assert len(footers) == 3


@pytest.mark.parametrize("file", READERS)
@pytest.mark.parametrize(
    ("schema", "says"),
    [
        (
            OLD,
            f"schema {OLD}, older than the {VERSION} that this posebeam reads: build it again (--overwrite), or",
        ),
        (NEW, f"schema {NEW}, newer than the {VERSION} that this posebeam reads: install a newer posebeam"),
        (None, f"says the schema None, expected {VERSION}: it is damaged, or not posebeam's"),
        ("1.0", "says the schema '1.0'"),
    ],
)
def test_another_schema_is_refused_with_what_to_do(out, file, schema, says):
    change(out / file, schema=schema)
    with pytest.raises(DataError, match=re.escape(says)):
        READERS[file](out)
    with pytest.raises(DataError, match=re.escape(says)):
        check(out)


@pytest.mark.parametrize("file", READERS)
def test_a_disk_that_fails_is_no_damage(out, file, monkeypatch):
    def fails(path):
        raise OSError(errno.EIO, "Input/output error", str(path))

    monkeypatch.setattr("posebeam.pipelines.record.read_json", fails)
    with pytest.raises(OSError, match="Input/output error"):
        READERS[file](out)


def test_more_than_a_reader_asks_for_is_no_other_schema(out):
    for file, read in READERS.items():
        change(out / file, more={"of": "a later version"})
        assert read(out)["more"] == {"of": "a later version"}
    assert check(out) == []


def test_check_finds_a_file_of_another_schema(out):
    path = next((out / "people").glob("*.parquet"))
    table = pq.read_table(path)
    pq.write_table(table.replace_schema_metadata(table.schema.metadata | {b"posebeam.schema": NEW.encode()}), path)
    manifest = read_manifest(out)
    for file in manifest["files"]:
        file["sha256"] = file_sha256(out / file["path"])
    change(out / manifests.FILE, **manifest)
    assert f"people/{path.name}: schema '{NEW}' in its footer, '{VERSION}' in the manifest" in check(out)


@pytest.mark.parametrize("path", ["/etc/passwd", "../../x.parquet", "poses/../../x"])
def test_a_manifest_names_files_of_its_folder_only(out, path):
    manifest = read_manifest(out)
    manifest["files"][0]["path"] = path
    change(out / manifests.FILE, **manifest)
    with pytest.raises(DataError, match="outside its folder"):
        read_manifest(out)


@pytest.fixture(scope="module")
def folder(tmp_path_factory):
    return tmp_path_factory.mktemp("records")


RECORDS = {
    plans.FILE: {
        "schema": VERSION, "hash": "0", "settings": {}, "classes": ["a"], "shards": {"train-00000": {"clips": 1}},
        "missing": 0, "unlisted": 0,
    },
    manifests.FILE: {
        "schema": VERSION, "plan": "0", "config": {}, "classes": ["a"], "clips": {"listed": 1}, "rows": {},
        "files": [{"path": "poses/a", "product": "poses", "split": "train", "rows": 1, "sha256": "0"}],
    },
}  # fmt: skip


@settings(max_examples=200)
@given(data=st.data(), file=st.sampled_from(sorted(READERS)))
def test_records_from_elsewhere(damage, folder, data, file):
    (folder / file).write_bytes(damage.json_bytes(data, RECORDS[file]))
    with damage.told():
        READERS[file](folder)
