"""publish(): a reader sees the whole file or none, and nothing is left behind."""

import json
import os
import threading

import pyarrow as pa
import pytest

from posebeam.models.private import private_beside
from posebeam.pipelines.folder import alone
from posebeam.pipelines.publish import publish, publish_json, unfinished, workspace
from posebeam.pipelines.schema import rejected
from posebeam.pipelines.spool import Spool
from posebeam.pipelines.stores.scratch import scratch


def test_a_reader_never_sees_half_a_file(tmp_path):
    final, over, torn = tmp_path / "final", threading.Event(), []

    def poll():
        while not over.is_set():
            if final.exists():
                text = final.read_bytes()
                if len(text) != 200_000 or len(set(text)) != 1:
                    torn.append(text)

    reader = threading.Thread(target=poll)
    reader.start()
    for number in range(100):
        with workspace(tmp_path) as folder:
            (folder / "x").write_bytes(bytes([number]) * 200_000)
            publish(folder / "x", final)
    over.set()
    reader.join()
    assert not torn
    assert final.read_bytes() == bytes([99]) * 200_000


def test_a_failure_leaves_no_file_and_no_rubbish(tmp_path):
    def fail():
        with workspace(tmp_path) as folder:
            (folder / "x").write_text("half")
            raise OSError("disk full")

    with pytest.raises(OSError, match="disk"):
        fail()
    assert not list((tmp_path / "_tmp").iterdir())


def test_equal_data_are_equal_bytes(tmp_path):
    publish_json({"b": 1, "a": [2]}, tmp_path, "one.json")
    publish_json({"a": [2], "b": 1}, tmp_path, "two.json")
    assert (tmp_path / "one.json").read_bytes() == (tmp_path / "two.json").read_bytes()
    assert json.loads((tmp_path / "one.json").read_text()) == {"a": [2], "b": 1}


@pytest.fixture
def umask():
    """A umask that hides nothing: what is private is private by itself."""
    before = os.umask(0)
    yield
    os.umask(before)


def others_may_look(path, root):
    """Whether somebody else could read the file, by its mode and those of the folders below root."""
    above = [folder for folder in path.parents if root in folder.parents]
    return path.stat().st_mode & 0o077 and all(folder.stat().st_mode & 0o011 for folder in above)


def test_unfinished_files_are_private_and_finished_ones_as_the_umask_has_it(tmp_path, umask, monkeypatch):
    """Of a data set, beside a file, of a spool, of a build (its lock, the ground truth), of a store's copies."""
    monkeypatch.setenv("POSEBEAM_CACHE", str(tmp_path / "cache"))
    with alone(tmp_path / "out"), workspace(tmp_path / "out") as folder, scratch() as copies:
        with unfinished(tmp_path / "a.json") as part, private_beside(tmp_path / "b.pth") as fetched:
            Spool(folder / "rows.arrow", rejected()).add(("a", 0, 0), pa.table([[]] * 5, schema=rejected().schema))
            for path in (
                part,
                fetched,
                copies / "part",
                folder / "part",
                tmp_path / "out/_tmp/ground-truth.arrow",
            ):
                path.write_text("half")
            found = [path for path in tmp_path.rglob("*") if path.is_file()]
            assert len(found) >= 8
            assert [path for path in found if others_may_look(path, tmp_path)] == []
        publish(folder / "part", tmp_path / "out" / "part")
    assert {path.name for path in tmp_path.rglob("*") if path.is_file()} >= {"a.json", "part"}
    assert not (tmp_path / "b.pth").exists()
    assert others_may_look(tmp_path / "a.json", tmp_path)
    assert others_may_look(tmp_path / "out" / "part", tmp_path)
    assert not list(tmp_path.glob(".*"))


def test_a_private_path_is_as_long_as_a_name_may_be(tmp_path):
    final = tmp_path / ("é" * 125 + ".json")
    with unfinished(final) as part:
        part.write_text("{}")
    assert final.read_text() == "{}"
