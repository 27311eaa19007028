"""Shards: stable places, names that can be read back, files that do not depend on how rows came."""

import pyarrow as pa
import pyarrow.parquet as pq
from hypothesis import given
from hypothesis import strategies as st

from posebeam.pipelines.schema import Product
from posebeam.pipelines.shard import ShardName, shard_count, shard_of, write_parquet
from posebeam.pipelines.spool import Spool

SCHEMA = pa.schema([pa.field("clip_id", pa.string()), pa.field("n", pa.int32())])
PRODUCT = Product("things", SCHEMA, 4)


def rows(clip_id, *numbers):
    return pa.table({"clip_id": [clip_id] * len(numbers), "n": pa.array(numbers, pa.int32())}, schema=SCHEMA)


def test_a_clip_falls_into_the_same_shard_on_every_machine():
    assert [shard_of(f"a/{n}.avi", "train", 8).index for n in range(6)] == [5, 1, 7, 2, 3, 3]


@given(st.sampled_from(["train", "validation", "test"]), st.integers(0, 99_999), st.integers(1, 99_999))
def test_a_name_can_be_read_back(split, index, count):
    name = ShardName(split, index, count)
    assert ShardName.parse(str(name)) == name


def test_one_shard_for_64_clips_unless_told_otherwise():
    assert [shard_count(clips, 0) for clips in (0, 1, 64, 65, 13320)] == [1, 1, 1, 2, 209]
    assert shard_count(5, 3) == 3


def test_row_groups_and_bytes_do_not_depend_on_how_rows_were_cut(tmp_path):
    whole = [rows("a", *range(10))]
    cut = [rows("a", *range(3)), rows("a", *range(3, 4)), rows("a", *range(4, 10))]
    for name, tables in (("whole", whole), ("cut", cut)):
        assert write_parquet(tmp_path / name, PRODUCT, tables, {"posebeam.k": "v"}) == 10
    assert (tmp_path / "whole").read_bytes() == (tmp_path / "cut").read_bytes()
    file = pq.ParquetFile(tmp_path / "whole")
    assert [file.metadata.row_group(i).num_rows for i in range(3)] == [4, 4, 2]
    assert file.schema_arrow.metadata[b"posebeam.k"] == b"v"


def test_a_shard_without_rows_is_a_file_with_a_schema(tmp_path):
    assert write_parquet(tmp_path / "empty", PRODUCT, [], {}) == 0
    assert pq.read_table(tmp_path / "empty").schema.equals(SCHEMA)


def test_a_spool_gives_rows_back_in_key_order_without_those_unwanted(tmp_path):
    spool = Spool(tmp_path / "spool", PRODUCT)
    for key, table in [(("b", 0, 0), rows("b", 5)), (("a", 0, 1), rows("a", 3, 4)), (("c", 0, 0), rows("c", 9)),
                       (("a", 0, 0), rows("a", 1, 2)), (("b", 0, 0), rows("b", 6))]:  # fmt: skip
        spool.add(key, table)
    got = pa.concat_tables(list(spool.tables(lambda key: key[0] != "c")))
    assert got["n"].to_pylist() == [1, 2, 3, 4, 5, 6]
