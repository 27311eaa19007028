"""Walking a folder: regular files only, and nothing below it stops the walk."""

import os
from pathlib import Path

import pytest

from posebeam.pipelines.sources.tree import walk
from posebeam.transforms.errors import SourceError


def fill(folder: Path, *names: str) -> Path:
    for name in names:
        (folder / name).parent.mkdir(parents=True, exist_ok=True)
        (folder / name).write_bytes(b"12345")
    return folder


def paths(folder: Path) -> list[str]:
    return [file.path for file in walk(folder).files]


def test_files_are_sorted_and_know_their_bytes(tmp_path):
    tree = walk(fill(tmp_path, "b/2.mp4", "b/1.mp4", "a/x/y/3.mp4", "0.txt"))
    assert [file.path for file in tree.files] == ["0.txt", "a/x/y/3.mp4", "b/1.mp4", "b/2.mp4"]
    assert {file.size for file in tree.files} == {5}
    assert (tree.ignored, tree.warnings) == ((), ())


def test_hidden_files_and_folders_are_left_alone(tmp_path):
    tree = walk(fill(tmp_path, "a/1.mp4", "a/._1.mp4", ".git/objects/2.mp4"))
    assert [file.path for file in tree.files] == ["a/1.mp4"]
    assert tree.ignored == (".git/", "a/._1.mp4")


def test_links_are_followed_and_loops_end(tmp_path):
    fill(tmp_path / "source", "b/1.mp4")
    fill(tmp_path / "elsewhere", "2.mp4")
    (tmp_path / "source/a").symlink_to(tmp_path / "source/b")
    (tmp_path / "source/b/up").symlink_to(tmp_path / "source")
    (tmp_path / "source/b/self").symlink_to("self")
    (tmp_path / "source/c").symlink_to(tmp_path / "elsewhere")
    (tmp_path / "source/d.mp4").symlink_to(tmp_path / "elsewhere/2.mp4")
    tree = walk(tmp_path / "source")
    assert [file.path for file in tree.files] == ["b/1.mp4", "c/2.mp4", "d.mp4"]
    assert tree.ignored == ("b/self",)
    assert tree.warnings == (
        "a/ is the same folder as b/: its files are listed once",
        "b/up/ is the same folder as ./: its files are listed once",
    )


def test_only_regular_files_are_listed(tmp_path):
    fill(tmp_path, "a/1.mp4")
    os.mkfifo(tmp_path / "a/pipe.mp4")
    (tmp_path / "a/broken.mp4").symlink_to("nowhere")
    tree = walk(tmp_path)
    assert [file.path for file in tree.files] == ["a/1.mp4"]
    assert tree.ignored == ("a/broken.mp4", "a/pipe.mp4")


def test_a_folder_that_cannot_be_read_is_a_warning(tmp_path, monkeypatch):
    fill(tmp_path, "open/1.mp4", "locked/2.mp4")
    real = Path.iterdir

    def iterdir(path: Path):
        if path.name == "locked":
            raise PermissionError(13, "Permission denied")
        return real(path)

    monkeypatch.setattr(Path, "iterdir", iterdir)  # a mode of 000 would not stop root
    tree = walk(tmp_path)
    assert [file.path for file in tree.files] == ["open/1.mp4"]
    assert tree.warnings == ("locked/ cannot be read (Permission denied): nothing in it is listed",)


def test_a_name_that_is_no_text_is_left_out_with_a_warning(tmp_path):
    fill(tmp_path, "good.mp4")
    (tmp_path / os.fsdecode(b"bad\xff.mp4")).write_bytes(b"")
    tree = walk(tmp_path)
    assert [file.path for file in tree.files] == ["good.mp4"]
    assert tree.ignored == (r"bad\xff.mp4",)
    assert "no UTF-8 text" in tree.warnings[0]


def test_odd_names_are_only_names(tmp_path):
    names = ["a b/1%03d.mp4", "a:b/x.mp4", "ü/\n.mp4"]
    assert paths(fill(tmp_path, *names)) == sorted(names)


@pytest.mark.parametrize("name", ["nowhere", "file"])
def test_a_source_that_is_no_folder_is_an_error(tmp_path, name):
    fill(tmp_path, "file")
    with pytest.raises(SourceError, match="is no folder"):
        walk(tmp_path / name)
