"""Reading windows for training: what is there, in which part, in memory or in pieces."""

import json

import numpy as np
import pyarrow.parquet as pq
import pytest

from posebeam.pipelines.read import WindowReader
from posebeam.transforms.errors import DataError

ROW = 30 * (52 * 4 + 13)  # bytes of a window


@pytest.fixture(scope="module")
def out(make_windows, tmp_path_factory):
    return make_windows(tmp_path_factory.mktemp("data") / "out", row_group=16)


def test_every_row_is_there_in_order(out):
    reader = WindowReader(out)
    table = pq.read_table(out / "windows", partitioning=None)  # files in the order of their names
    assert len(reader) == len(table) == 3 * 8 * 2 * 3
    x, valid = reader.take(np.arange(len(reader)))
    np.testing.assert_array_equal(x.reshape(len(x), -1), np.stack(table["x"].to_numpy()))
    np.testing.assert_array_equal(valid.reshape(len(x), -1), np.stack(table["valid"].to_numpy()))
    assert reader.clips.tolist() == table["clip_id"].to_pylist()
    assert [reader.classes[label] for label in reader.labels] == table["label_name"].to_pylist()


def test_rows_come_in_the_order_asked_for(out):
    reader = WindowReader(out)
    whole, _ = reader.take(np.arange(len(reader)))
    rows = np.random.default_rng(0).permutation(len(reader))[:40]
    np.testing.assert_array_equal(reader.take(rows)[0], whole[rows])


def test_parts_by_files_and_by_official_splits(out):
    reader = WindowReader(out)
    np.testing.assert_array_equal(reader.parts(0), reader.parts(1))
    for split in (1, 2, 3):
        test = reader.parts(split) == "test"
        assert set(reader.groups[test]) == {f"g{2 * split - 2}", f"g{2 * split - 1}"}


@pytest.mark.parametrize("memory", [40 * ROW, 100 * ROW, 10_000 * ROW])
def test_a_shuffle_within_any_memory_is_whole_and_reads_nothing_twice(out, memory, monkeypatch):
    read = []
    plain = pq.ParquetFile.read_row_group
    monkeypatch.setattr(
        pq.ParquetFile, "read_row_group", lambda *given, **named: read.append(1) or plain(*given, **named)
    )
    reader = WindowReader(out, memory)
    rows = np.flatnonzero(reader.parts(2) == "train")
    order = reader.shuffled(rows, np.random.default_rng(0))
    assert sorted(order.tolist()) == rows.tolist()
    assert order.tolist() != rows.tolist()
    whole, _ = WindowReader(out).take(order)
    read.clear()
    batches = [reader.take(order[first : first + 8])[0] for first in range(0, len(order), 8)]
    np.testing.assert_array_equal(np.concatenate(batches), whole)
    file = reader.parts(1)  # the rows of each file count from its own first
    first = {name: int(np.flatnonzero(file == name)[0]) for name in ("train", "test")}
    assert len(read) == len({(file[row], (row - first[file[row]]) // 16) for row in rows.tolist()})


def test_memory_is_bounded(out):
    reader = WindowReader(out, 40 * ROW)
    for row in range(len(reader)):
        reader.take([row])
        assert reader.held_bytes <= 40 * ROW


def test_an_unfinished_data_set_is_refused(tmp_path):
    (tmp_path / "plan.json").touch()
    with pytest.raises(DataError, match=r"holds no manifest.json: its build is unfinished"):
        WindowReader(tmp_path)


def test_a_file_that_is_gone_or_short_is_named(make_windows, tmp_path):
    out = make_windows(tmp_path / "out", groups=2)
    file = out / "windows/test-00000-of-00001.parquet"
    pq.write_table(pq.read_table(file).slice(1), file)
    with pytest.raises(DataError, match=r"has 35 rows, its manifest says 36: run posebeam check"):
        WindowReader(out)
    file.unlink()
    with pytest.raises(DataError, match=r"test-00000-of-00001.parquet cannot be read"):
        WindowReader(out)


def test_a_split_that_is_not_there_is_refused(make_windows, tmp_path):
    reader = WindowReader(make_windows(tmp_path / "out", official=False, groups=4))
    assert set(reader.parts(0)) == {"train", "validation", "test"}
    with pytest.raises(DataError, match="has no official split 2"):
        reader.parts(2)


def test_made_says_how_the_windows_were_made(make_windows, out, tmp_path):
    mine = WindowReader(out).made
    assert mine.input == {"chain": "act", "chain_version": 1, "layout": "act13-coco", "window": 30}
    other = WindowReader(make_windows(tmp_path / "other", groups=2, chain="act-repaired")).made
    with pytest.raises(DataError, match=r"A expects chain 'act', B has chain 'act-repaired'"):
        mine.refuse(other, "A", "B")
    switched = WindowReader(make_windows(tmp_path / "thunder", groups=2, backbone="movenet-thunder")).made
    mine.refuse(switched, "A", "B")


def test_the_digest_is_of_the_manifest(out):
    before = WindowReader(out).digest
    manifest = json.loads((out / "manifest.json").read_text())
    assert len(before) == 64
    assert manifest["plan"] not in before
