"""The videos source: labels from folders, splits from folders or groups, other layouts refused."""

import os
from collections import Counter, defaultdict
from pathlib import Path

import pytest

from posebeam.pipelines.listing import Listing
from posebeam.pipelines.sources.videos import expand, list_clips
from posebeam.transforms.errors import ConfigError, SourceError


def fill(folder: Path, *names: str) -> Path:
    for name in names:
        (folder / name).parent.mkdir(parents=True, exist_ok=True)
        (folder / name).write_bytes(b"12345")
    return folder


def splits(listing: Listing) -> dict[str, str]:
    return {ref.clip_id: ref.split for ref in listing.refs}


def test_the_folder_is_the_label_and_the_file_the_group(tmp_path):
    (ref,) = list_clips(fill(tmp_path, "walk/1.mp4")).refs
    assert (ref.clip_id, ref.label, ref.group, ref.split) == ("walk/1.mp4", "walk", "walk/1.mp4", "train")
    assert (ref.uri, ref.size, ref.splits, ref.number) == (str(tmp_path / "walk/1.mp4"), 5, (), None)


def test_every_label_trains_validates_and_tests(tmp_path):
    names = [f"{label}/{number}.mp4" for label in ("walk", "run") for number in range(20)]
    listing = list_clips(fill(tmp_path, *names))
    for label in ("walk", "run"):
        parts = Counter(ref.split for ref in listing.refs if ref.label == label)
        assert parts == {"train": 14, "validation": 3, "test": 3}
    assert listing.warnings == ()


def test_the_split_is_stable_and_drawn_by_seed(tmp_path):
    fill(tmp_path, *(f"walk/{number}.mp4" for number in range(20)))
    assert list_clips(tmp_path) == list_clips(str(tmp_path))
    assert splits(list_clips(tmp_path, seed=1)) != splits(list_clips(tmp_path, seed=2))


@pytest.mark.parametrize("pattern", [r"person\d+", r"/(person\d+)_", r"(?:walk|run)/(\w+?)_"])
def test_a_group_never_stands_in_two_splits_even_under_two_labels(tmp_path, pattern):
    names = [
        f"{label}/person{person}_{take}.avi" for label in ("walk", "run") for person in range(9) for take in "ab"
    ]
    listing = list_clips(fill(tmp_path, *names), group=pattern)
    parts = defaultdict(set)
    for ref in listing.refs:
        parts[ref.group].add(ref.split)
    assert len(parts) == 9
    assert all(len(part) == 1 for part in parts.values())
    assert {ref.split for ref in listing.refs if ref.label == "run"} == {"train", "validation", "test"}


def test_paths_that_the_group_pattern_does_not_match_are_told(tmp_path):
    listing = list_clips(fill(tmp_path, "walk/anna_1.mp4", "walk/2.mp4", "walk/3.mp4"), group="[a-z]+(?=_)")
    assert [ref.group for ref in listing.refs] == ["walk/2.mp4", "walk/3.mp4", "anna"]
    assert listing.warnings == ("--group '[a-z]+(?=_)' matches nothing in 2 of 3 paths: each is its own group",)


def test_split_folders_are_taken_at_their_word(tmp_path):
    names = ["train/walk/1.mp4", "train/walk/2.mp4", "val/walk/3.mp4", "test/walk/4.mp4", "validation/walk/5.mp4"]
    listing = list_clips(fill(tmp_path, *names))
    expected = dict(zip(names, ("train", "train", "validation", "test", "validation"), strict=True))
    assert splits(listing) == expected
    assert {ref.label for ref in listing.refs} == {"walk"}


def test_a_group_on_both_sides_of_given_splits_is_an_error(tmp_path):
    fill(tmp_path, "train/walk/anna_1.mp4", "test/run/anna_2.mp4")
    with pytest.raises(
        SourceError, match=r"group .anna. stands in two splits: test/run/anna_2.mp4 in test and train/"
    ):
        list_clips(tmp_path, group="anna|bert")


def test_a_label_with_one_group_only_trains_and_says_so(tmp_path):
    fill(tmp_path, "walk/1.mp4", "walk/2.mp4", "walk/3.mp4", "run/a_1.mp4", "run/a_2.mp4")
    listing = list_clips(tmp_path, group="a(?=_)")
    assert {ref.split for ref in listing.refs if ref.label == "run"} == {"train"}
    assert any(warning.startswith("run: only one group, it trains") for warning in listing.warnings)


def test_parts_that_are_empty_are_told_once(tmp_path):
    fill(tmp_path, *(f"{part}/{label}/{part}.mp4" for part in ("train", "test") for label in ("walk", "run")))
    fill(tmp_path, "train/sit/1.mp4")
    assert list_clips(tmp_path).warnings == (
        "no clip at all for validation",
        "sit: no clip for test (groups: 1 train)",
    )


def test_what_is_no_video_is_left_alone(tmp_path):
    names = ("walk/1.MP4", "walk/2.webm", "walk/3.txt", "walk/.4.mp4", "README", ".cache/5.mp4")
    listing = list_clips(fill(tmp_path, *names))
    assert [ref.clip_id for ref in listing.refs] == ["walk/1.MP4", "walk/2.webm"]
    assert listing.ignored == (".cache/", "README", "walk/.4.mp4", "walk/3.txt")


@pytest.mark.parametrize(
    "names",
    [
        (),
        ("walk/notes.txt",),
        ("1.mp4", "walk/2.mp4"),
        ("walk/anna/1.mp4",),
        ("train/1.mp4", "test/2.mp4"),
        ("train/walk/1.mp4", "walk/2.mp4"),
        ("train/walk/anna/1.mp4",),
        ("training/walk/1.mp4",),
    ],
)
def test_another_layout_is_refused_with_the_one_expected(tmp_path, names):
    with pytest.raises(SourceError, match=r"[Ee]xpected <label>/<clip> or <split>/<label>/<clip>"):
        list_clips(fill(tmp_path, *names))


def test_a_pattern_that_is_none_is_a_usage_error(tmp_path):
    with pytest.raises(ConfigError, match="no regular expression"):
        list_clips(fill(tmp_path, "walk/1.mp4"), group="(")


def test_a_single_video_is_labelled_by_its_folder(tmp_path):
    listing = list_clips(fill(tmp_path, "walk/1.mp4", "walk/2.mp4") / "walk/1.mp4")
    (ref,) = listing.refs
    assert (ref.clip_id, ref.label, ref.split, ref.uri) == ("1.mp4", "walk", "train", str(tmp_path / "walk/1.mp4"))
    assert (listing.ignored, listing.warnings) == ((), ())


def test_a_single_file_is_taken_at_its_word(tmp_path):
    assert len(list_clips(fill(tmp_path, "walk/recording") / "walk/recording").refs) == 1


def test_a_flat_glob_is_labelled_by_its_folder_and_leaves_others_alone(tmp_path):
    fill(tmp_path, "clips/1.mp4", "clips/2.MOV", "clips/notes.txt", "clips/.hidden.mp4", "clips/old/3.mp4")
    listing = list_clips(tmp_path / "clips/*")
    assert [(ref.clip_id, ref.label) for ref in listing.refs] == [("1.mp4", "clips"), ("2.MOV", "clips")]
    assert listing.ignored == ("notes.txt", "old/")


def test_a_glob_over_folders_is_labelled_as_the_folder_would_be(tmp_path):
    names = [f"{label}/{number}.mp4" for label in ("walk", "run") for number in range(4)]
    assert list_clips(fill(tmp_path, *names) / "*/*.mp4") == list_clips(tmp_path)
    assert {ref.label for ref in list_clips(tmp_path / "**/*.mp4").refs} == {"walk", "run"}


def test_a_glob_over_split_folders_keeps_the_splits(tmp_path):
    fill(tmp_path, "train/walk/1.mp4", "test/walk/2.mp4")
    assert splits(list_clips(tmp_path / "*/*/*")) == {"train/walk/1.mp4": "train", "test/walk/2.mp4": "test"}


def test_a_name_with_brackets_is_a_name_first(tmp_path):
    fill(tmp_path, "walk/[1].mp4", "walk/1.mp4")
    assert [ref.clip_id for ref in list_clips(tmp_path / "walk/[1].mp4").refs] == ["[1].mp4"]
    assert [ref.clip_id for ref in list_clips(tmp_path / "walk/[12].mp4").refs] == ["1.mp4"]


@pytest.mark.parametrize(
    ("source", "problem"),
    [
        ("walk/*.avi", "matches no file"),
        ("*", r"matches folders \(walk/\)"),
        ("*/*.txt", "no video, expected .3gp"),
    ],
)
def test_a_glob_without_a_video_says_what_it_found(tmp_path, source, problem):
    fill(tmp_path, "walk/1.mp4", "walk/2.txt")
    with pytest.raises(SourceError, match=problem):
        list_clips(tmp_path / source)


def test_names_and_globs_expand_to_videos_each_once(tmp_path):
    fill(tmp_path, "walk/1.mp4", "walk/2.mp4", "walk/notes.txt", "raw")
    found = expand([str(tmp_path / "walk/2.mp4"), str(tmp_path / "walk/*"), str(tmp_path / "raw")])
    assert found == [tmp_path / "walk/2.mp4", tmp_path / "walk/1.mp4", tmp_path / "raw"]
    with pytest.raises(SourceError, match="is no file and no folder"):
        expand([str(tmp_path / "3.mp4")])


def test_relative_names_stay_relative(tmp_path, monkeypatch):
    fill(tmp_path, "walk/1.mp4", "walk/2.mp4")
    monkeypatch.chdir(tmp_path / "walk")
    assert expand(["1.mp4", "*.mp4", "../*/2.mp4"]) == [Path("1.mp4"), Path("2.mp4")]


def test_a_fifo_and_a_broken_link_are_left_alone(tmp_path):
    fill(tmp_path, "walk/1.mp4")
    os.mkfifo(tmp_path / "walk/2.mp4")
    (tmp_path / "walk/3.mp4").symlink_to("nowhere")
    assert list_clips(tmp_path / "walk/*").ignored == ("2.mp4", "3.mp4")


def test_videos_of_other_kinds_are_there_and_text_is_not(foreign_data):
    listing = list_clips(foreign_data / "videos_in_the_wild/*")
    assert len(listing.refs) == 12
    assert {ref.label for ref in listing.refs} == {"videos_in_the_wild"}
