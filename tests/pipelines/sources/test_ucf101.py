"""The UCF101 source: lists against folder, the class with two spellings, broken lists."""

import re
from collections import Counter
from pathlib import Path

import pytest

from posebeam.pipelines.sources.ucf101 import list_clips
from posebeam.transforms.errors import ConfigError, SourceError

CLASSES = "1 Archery\r\n2 HandstandPushups\r\n"
ARCHERY = [f"Archery/v_Archery_g{group:02d}_c01.avi" for group in (1, 8, 15)]
# The class folder spells Handstand, its clips HandStand, in the official data and lists.
PUSHUPS = [f"HandstandPushups/v_HandStandPushups_g{group:02d}_c01.avi" for group in (1, 8, 15)]


def write_lists(folder: Path) -> None:
    """Split k tests the k-th group; as published: CR LF, numbers in the training lists only."""
    folder.mkdir(parents=True)
    (folder / "classInd.txt").write_bytes(CLASSES.encode())
    for split in (1, 2, 3):
        clips = [(name, number) for names, number in ((ARCHERY, 1), (PUSHUPS, 2)) for name in names]
        test = {ARCHERY[split - 1], PUSHUPS[split - 1]}
        train_lines = [f"{name} {number}\r\n" for name, number in clips if name not in test]
        (folder / f"trainlist0{split}.txt").write_bytes("".join(train_lines).encode())
        (folder / f"testlist0{split}.txt").write_bytes("".join(f"{name}\r\n" for name in sorted(test)).encode())


def write_clips(folder: Path, names: list[str]) -> None:
    for name in names:
        (folder / name).parent.mkdir(parents=True, exist_ok=True)
        (folder / name).write_bytes(b"RIFF")


@pytest.fixture
def source(tmp_path: Path) -> Path:
    """A small UCF101: two classes, three groups, lists and videos side by side."""
    write_lists(tmp_path / "ucf" / "ucfTrainTestlist")
    write_clips(tmp_path / "ucf" / "videos", ARCHERY + PUSHUPS)
    return tmp_path / "ucf"


def test_a_clip_knows_its_class_group_and_all_three_splits(source):
    ref = list_clips(source, split=2).refs[0]
    assert ref.clip_id == "videos/Archery/v_Archery_g01_c01.avi"
    assert ref.uri == str(source / ref.clip_id)
    assert (ref.label, ref.number, ref.group, ref.size) == ("Archery", 1, "g01", 4)
    assert (ref.split, ref.splits) == ("train", ("test", "train", "train"))


def test_nothing_is_missing_where_nothing_is(source):
    listing = list_clips(source)
    assert len(listing.refs) == 6
    assert [ref.clip_id for ref in listing.refs] == sorted(ref.clip_id for ref in listing.refs)
    assert (listing.missing, listing.unlisted, listing.ignored, listing.warnings) == ((), (), (), ())


def test_handstand_pushups_have_the_name_of_their_class(source):
    pushups = [ref for ref in list_clips(source).refs if "pushups" in ref.clip_id.lower()]
    assert {(ref.label, ref.number) for ref in pushups} == {("HandstandPushups", 2)}


def test_handstand_pushups_are_found_in_a_copy_that_mended_the_spelling(source):
    for name in PUSHUPS:
        path = source / "videos" / name
        path.rename(path.with_name(path.name.replace("HandStand", "Handstand")))
    listing = list_clips(source)
    assert (len(listing.refs), listing.missing, listing.unlisted) == (6, (), ())


def test_lists_are_found_beside_the_source_too(source):
    listing = list_clips(source / "videos")
    assert [ref.clip_id for ref in listing.refs] == sorted(ARCHERY + PUSHUPS)


def test_what_is_listed_and_absent_or_present_and_unlisted_is_told(source):
    (source / "videos" / ARCHERY[0]).unlink()
    write_clips(source / "videos", ["Archery/v_Archery_g99_c01.avi", "Archery/.DS_Store", "Archery/notes.txt"])
    listing = list_clips(source)
    assert listing.missing == (ARCHERY[0],)
    assert listing.unlisted == ("videos/Archery/v_Archery_g99_c01.avi",)
    assert listing.ignored == ("videos/Archery/.DS_Store", "videos/Archery/notes.txt")
    assert len(listing.refs) == 5


@pytest.mark.parametrize(
    ("file", "line", "text", "complaint"),
    [
        ("classInd.txt", 2, "2 Archery", "expected <number> <Class>, each once"),
        ("classInd.txt", 1, "Archery", "expected <number> <Class>"),
        ("trainlist01.txt", 1, "v_Archery_g08_c01.avi 1", "expected <Class>/v_<Class>_gNN_cNN.avi"),
        ("trainlist01.txt", 2, "Archery/v_Archery_g15_c01.avi 2", "classInd.txt says 1 for Archery"),
        ("testlist02.txt", 1, "Fencing/v_Fencing_g08_c01.avi", "'Fencing' is not in classInd.txt"),
        ("testlist03.txt", 1, "Archery/v_Archery_g01_c01.avi", "stands in split 3 twice"),
    ],
)
def test_a_broken_list_is_named_with_its_line(source, file, line, text, complaint):
    path = source / "ucfTrainTestlist" / file
    lines = path.read_text().splitlines()
    lines[line - 1] = text
    path.write_text("\n".join(lines))
    with pytest.raises(SourceError, match=f"{file}:{line}: .*{re.escape(complaint)}"):
        list_clips(source)


def test_a_clip_that_one_split_forgets_is_an_error(source):
    path = source / "ucfTrainTestlist" / "testlist02.txt"
    path.write_text(path.read_text().replace(ARCHERY[1], ""))
    with pytest.raises(SourceError, match=f"{ARCHERY[1]} stands in neither list of split 2"):
        list_clips(source)


@pytest.mark.parametrize("content", [None, b"\xff\xfe\x00"])
def test_a_list_that_cannot_be_read_is_named(source, content):
    path = source / "ucfTrainTestlist" / "testlist03.txt"
    path.unlink() if content is None else path.write_bytes(content)
    with pytest.raises(SourceError, match=r"testlist03\.txt"):
        list_clips(source)


def test_the_same_clip_in_two_folders_is_an_error(source):
    write_clips(source / "copy", ARCHERY[:1])
    with pytest.raises(SourceError, match=r"there twice: copy/Archery/.* and videos/Archery/"):
        list_clips(source)


def test_without_lists_or_clips_the_expected_layout_is_told(source):
    with pytest.raises(SourceError, match="expected a folder ucfTrainTestlist"):
        list_clips(source / "videos" / "Archery")
    flat = source.parent / "flat"
    write_lists(flat / "ucfTrainTestlist")
    write_clips(flat, [Path(name).name for name in ARCHERY])
    with pytest.raises(SourceError, match=r"found 3 v_\*\.avi, none as listed"):
        list_clips(flat)
    with pytest.raises(SourceError, match="is no folder"):
        list_clips(source / "nowhere")


def test_there_are_three_splits(source):
    with pytest.raises(ConfigError, match="split 4"):
        list_clips(source, split=4)


def test_real_clips_stand_where_the_official_lists_put_them(foreign_data):
    parts = [Counter(ref.split for ref in list_clips(foreign_data / "ucf101", split=k).refs) for k in (1, 2, 3)]
    assert [part["test"] for part in parts] == [70, 122, 104]
    assert [part["train"] for part in parts] == [255, 203, 221]


def test_the_rest_of_the_real_lists_is_missing(foreign_data):
    listing = list_clips(foreign_data / "ucf101")
    assert len(listing.refs) + len(listing.missing) == 13_320
    assert "HandstandPushups/v_HandStandPushups_g01_c01.avi" in listing.missing
