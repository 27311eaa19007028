"""The manifest source: a table names the clips, its lines are told where they are wrong."""

import csv
import http.server
import threading
from functools import partial
from pathlib import Path

import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from posebeam.pipelines.decode import open_clip
from posebeam.pipelines.listing import Listing
from posebeam.pipelines.sources.manifest import list_clips
from posebeam.transforms.errors import ConfigError, SourceError


@pytest.fixture
def videos(tmp_path) -> Path:
    """A folder with six files, below a folder with one more."""
    folder = tmp_path / "data"
    for name in ("a/1.mp4", "a/2.mp4", "b/3.mp4", "b/4.mp4", "b/5.mp4", "with, comma.mp4", "../outside.mp4"):
        (folder / name).parent.mkdir(parents=True, exist_ok=True)
        (folder / name).write_bytes(b"12345")
    return folder


def table(folder: Path, *rows: str, header: str = "uri,label", name: str = "clips.csv") -> Path:
    path = folder / name
    path.write_text("\n".join([header, *rows]) + "\n", encoding="utf-8")
    return path


def ids(listing: Listing) -> list[str]:
    return [ref.clip_id for ref in listing.refs]


def test_a_row_is_a_clip(videos):
    path = table(videos, "b/3.mp4,run,anna,test", "a/1.mp4,walk,ben,val", header="uri,label,group,split")
    first, second = list_clips(path).refs
    assert (first.clip_id, first.label, first.group, first.split) == ("a/1.mp4", "walk", "ben", "validation")
    assert (first.uri, first.size) == (str(videos / "a/1.mp4"), 5)
    assert (second.clip_id, second.label, second.group, second.split) == ("b/3.mp4", "run", "anna", "test")


def test_without_a_group_a_file_is_its_own_and_groups_are_dealt(tmp_path):
    for number in range(20):
        (tmp_path / f"{number}.mp4").write_bytes(b"1")
    path = table(tmp_path, *(f"{number}.mp4,walk" for number in range(20)))
    refs = list_clips(path).refs
    assert all(ref.group == ref.clip_id for ref in refs)
    assert {part: sum(ref.split == part for ref in refs) for part in ("train", "validation", "test")} == {
        "train": 14, "validation": 3, "test": 3,
    }  # fmt: skip
    assert list_clips(path, seed=1).refs != refs
    assert {ref.group for ref in list_clips(path, group=r"^\d").refs} == set("0123456789")


def test_parquet_says_the_same_as_csv(videos):
    rows = [("a/1.mp4", "walk", "x", "train"), ("b/3.mp4", "run", "y", "test"), ("b/4.mp4", "run", "", "train")]
    from_csv = list_clips(table(videos, *(",".join(row) for row in rows), header="uri,label,group,split"))
    columns = dict(zip(("uri", "label", "group", "split"), map(list, zip(*rows, strict=True)), strict=True))
    columns["group"] = pa.array(["x", "y", None]).dictionary_encode()
    pq.write_table(pa.table(columns), videos / "clips.parquet")
    assert list_clips(videos / "clips.parquet") == from_csv


def test_a_byte_order_mark_blank_lines_quotes_and_spaces_are_read(videos):
    (videos / "clips.csv").write_text('\ufeffuri, label\r\n\r\n "with, comma.mp4", walk \r\n', encoding="utf-8")
    (ref,) = list_clips(videos / "clips.csv").refs
    assert (ref.clip_id, ref.label) == ("with, comma.mp4", "walk")


def test_other_columns_are_told_and_not_read(videos):
    listing = list_clips(table(videos, "a/1.mp4,walk,3,x", header="uri,label,fps,"))
    assert listing.warnings[0] == "clips.csv: columns that are not read: fps, (no name)"


def test_files_that_are_not_there_are_missing(videos):
    listing = list_clips(table(videos, "a/1.mp4,walk", "a/9.mp4,walk"))
    assert (ids(listing), listing.missing) == (["a/1.mp4"], ("a/9.mp4",))
    with pytest.raises(SourceError, match=r"none of its 1 clips is there \(first: 9.mp4\); uris count from "):
        list_clips(table(videos, "9.mp4,walk"))


def test_ids_never_leave_the_folder(videos, tmp_path):
    evil = 'evil\n".mp4'
    (videos / evil).write_bytes(b"1")
    with (videos / "clips.csv").open("w", newline="") as file:
        rows = [["../outside.mp4"], [str(videos / "a/1.mp4")], ["./b/../a/2.mp4"], [evil], ["/../../dev/null"]]
        csv.writer(file).writerows([["uri", "label"], *([*row, "walk"] for row in rows)])
    listing = list_clips(videos / "clips.csv")
    inside = [name for name in ids(listing) if not name.startswith("outside/")]
    assert inside == ["a/1.mp4", "a/2.mp4"]
    names = {Path(name).name for name in ids(listing)} - {"1.mp4", "2.mp4"}
    assert names == {"outside.mp4", "evil_.mp4", "null"}
    assert not any(".." in name.split("/") or not name.isprintable() for name in ids(listing))
    assert {ref.uri for ref in listing.refs} >= {str(tmp_path / "outside.mp4"), str(videos / evil), "/dev/null"}


def test_urls_are_clips_whose_size_is_unknown(videos):
    listing = list_clips(table(videos, "http://127.0.0.1:9/x/1.mp4?key=secret,walk", "rtsp://cam/2,walk"))
    uris = {"http://127.0.0.1:9/x/1.mp4?key=secret", "rtsp://cam/2"}
    assert {(ref.uri, ref.size) for ref in listing.refs} == {(uri, 0) for uri in uris}
    assert all("secret" not in name and name.startswith("outside/") for name in ids(listing))
    assert {Path(name).name for name in ids(listing)} == {"1.mp4", "2"}


def test_a_url_is_decoded_like_the_file(media, tmp_path):
    handler = partial(http.server.SimpleHTTPRequestHandler, directory=str(media / "actions"))
    handler.log_message = lambda *_: None
    with http.server.ThreadingHTTPServer(("127.0.0.1", 0), handler) as server:
        threading.Thread(target=server.serve_forever, daemon=True).start()
        url = f"http://127.0.0.1:{server.server_port}/balancing/camera_1.mp4"
        (ref,) = list_clips(table(tmp_path, f"{url},balancing")).refs
        with open_clip(ref.uri) as clip, open_clip(media / "actions/balancing/camera_1.mp4") as file:
            assert sum(1 for _ in clip) == sum(1 for _ in file)
            assert clip.report == file.report
        server.shutdown()


@pytest.mark.parametrize(
    ("rows", "problem"),
    [
        (["a/1.mp4,walk", "", "a/2.mp4,"], r"clips.csv, line 4: no label"),
        (["a/1.mp4,walk", ",walk"], r"clips.csv, line 3: no uri"),
        (["a/1.mp4,walk", "./a/1.mp4,run"], r"line 3: a/1.mp4 stands in clips.csv, line 2 already"),
        (["a/1.mp4,walk", "link.mp4,walk"], r"line 3: link.mp4 stands in clips.csv, line 2 already"),
        (
            ["hdfs://host/1.mp4,walk"],
            r"line 2: 'hdfs://host/1.mp4' is of no kind that is read: a path, or gs, s3, http",
        ),
        (["a/1.mp4,wa\x07lk"], r"line 2: the label 'wa\\x07lk' holds characters that do not print"),
        (["a/1.mp4," + "x" * 201], "line 2: a label of 201 letters, expected at most 200"),
        (["a/1.mp4,walk,x"], r"line 2: 3 cells, the header names 2 columns"),
        ([], r"no row below the header"),
    ],
)
def test_rows_that_cannot_be_used_are_named_by_line(videos, rows, problem):
    (videos / "link.mp4").symlink_to(videos / "a/1.mp4")
    with pytest.raises(SourceError, match=problem):
        list_clips(table(videos, *rows))


@pytest.mark.parametrize(
    ("rows", "problem"),
    [
        (["a/1.mp4,walk,training"], r"line 2: split 'training', expected one of train, val, validation, test"),
        (["a/1.mp4,walk,train", "a/2.mp4,walk,"], r"line 3: no split, but other rows have one"),
    ],
)
def test_splits_that_are_none_are_named_by_line(videos, rows, problem):
    with pytest.raises(SourceError, match=problem):
        list_clips(table(videos, *rows, header="uri,label,split"))


def test_all_problems_are_told_at_once_up_to_five(videos):
    with pytest.raises(SourceError, match=r"line 2: no label\n.*line 3: no label\n(?s:.*)and 2 more"):
        list_clips(table(videos, *(f"{number}.mp4," for number in range(7))))


def test_a_group_in_two_splits_is_an_error_with_names(videos):
    path = table(videos, "a/1.mp4,walk,g,train", "b/3.mp4,run,g,test", header="uri,label,group,split")
    with pytest.raises(SourceError, match=r"group 'g' stands in two splits: a/1.mp4 in train and b/3.mp4 in test"):
        list_clips(path)


def test_group_is_said_once(videos):
    path = table(videos, "a/1.mp4,walk,g", header="uri,label,group")
    with pytest.raises(ConfigError, match="leave --group out"):
        list_clips(path, group="x")


@pytest.mark.parametrize(
    ("header", "problem"),
    [
        ("path,class", r"no column uri, label; its columns are 'path', 'class'. Expected a header with uri,label"),
        ("uri;label", r"no column uri, label; its columns are 'uri;label'"),
        ("uri,label,uri", r"the column uri is there twice"),
    ],
)
def test_a_header_that_is_none_is_told_with_the_one_expected(videos, header, problem):
    with pytest.raises(SourceError, match=problem):
        list_clips(table(videos, "a/1.mp4,walk,x", header=header))


@pytest.mark.parametrize("name", ["clips.csv", "clips.parquet"])
def test_files_that_are_no_tables_are_refused(tmp_path, name):
    (tmp_path / name).write_bytes(b"\xff\xfe\x00\x81 not a table")
    with pytest.raises(SourceError, match=r"is no (CSV|Parquet) file|cannot be read"):
        list_clips(tmp_path / name)


def subset(folder: Path, train: int = 4, test: int = 2) -> Path:
    """The published subset's layout: groups g08 up train, g01 up test."""
    for part, first, count in (("train", 8, train), ("test", 1, test)):
        (folder / part).mkdir(parents=True)
        names = [f"v_Punch_g{first + k:02d}_c01.avi" for k in range(count)]
        for name in names:
            (folder / part / name).write_bytes(b"1")
        table(folder, *(f"{k},{name},Punch" for k, name in enumerate(names)), header=",video_name,tag",
              name=f"{part}.csv")  # fmt: skip
    return folder


def test_the_published_subset_is_read_with_its_groups(tmp_path):
    listing = list_clips(subset(tmp_path))
    assert [(ref.clip_id, ref.group, ref.split, ref.label) for ref in listing.refs][:3] == [
        ("test/v_Punch_g01_c01.avi", "g01", "test", "Punch"),
        ("test/v_Punch_g02_c01.avi", "g02", "test", "Punch"),
        ("train/v_Punch_g08_c01.avi", "g08", "train", "Punch"),
    ]
    assert "no clip at all for validation" in listing.warnings


def test_a_subset_that_leaks_is_refused(tmp_path):
    folder = subset(tmp_path)
    (folder / "test/v_Punch_g08_c02.avi").write_bytes(b"1")
    table(folder, "v_Punch_g08_c02.avi,Punch", header="video_name,tag", name="test.csv")
    with pytest.raises(
        SourceError, match=r"group 'g08' stands in two splits: train/v_Punch_g08_c01.avi in train "
    ):
        list_clips(folder)


def test_a_folder_without_a_table_is_told_both_layouts(tmp_path):
    with pytest.raises(SourceError, match=r"uri,label\[,group,split\], or a folder with train.csv and test.csv"):
        list_clips(tmp_path)


def test_real_clips_in_the_published_layout(foreign_data, tmp_path):
    """Ten classes of UCF101, laid out as the published subset, split by the official list 1."""
    for part in ("train", "test"):
        (tmp_path / part).mkdir()
        lines = (foreign_data / f"ucf101/ucfTrainTestlist/{part}list01.txt").read_text().splitlines()
        names = [line.split()[0] for line in lines if (foreign_data / "ucf101/videos" / line.split()[0]).exists()]
        for name in names:
            (tmp_path / part / Path(name).name).symlink_to(foreign_data / "ucf101/videos" / name)
        rows = [f"{Path(name).name},{Path(name).parent}" for name in names]
        table(tmp_path, *rows, header="video_name,tag", name=f"{part}.csv")
    refs = list_clips(tmp_path).refs
    assert len(refs) > 300
    assert {ref.group for ref in refs if ref.split == "test"} <= {f"g{k:02d}" for k in range(1, 8)}
    assert all(f"_{ref.group}_" in ref.clip_id for ref in refs)


def test_a_column_whose_name_is_no_text_is_told(tmp_path):
    """Arrow reads such a file, and fails at the name."""
    pq.write_table(
        pa.table({"uri": ["a.mp4"], "label": ["x"], "ooo": ["1"]}), tmp_path / "a.parquet", store_schema=False
    )
    content = (tmp_path / "a.parquet").read_bytes()
    assert b"ooo" in content
    (tmp_path / "a.parquet").write_bytes(content.replace(b"ooo", b"\x80\x81o"))
    with pytest.raises(SourceError, match="no Parquet file with text columns"):
        list_clips(tmp_path / "a.parquet")
