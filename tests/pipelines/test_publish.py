"""publish(): a reader sees the whole file or none, and nothing is left behind."""

import json
import threading

import pytest

from posebeam.pipelines.publish import publish, publish_json, workspace


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
