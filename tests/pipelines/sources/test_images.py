"""The source `images`: any tree, a glob, one file; pictures and videos by the ends of their names."""

import pytest

from posebeam.pipelines.sources import images
from posebeam.transforms.errors import SourceError

FILES = (
    "train/n01/a.JPEG", "train/n01/b.txt", "train/n02/deep/er/c.png", "val/n01/d.webp", "test/e.bmp",
    "train/n02/walk.MP4", "loose.jpg", ".hidden.jpg",
)  # fmt: skip


@pytest.fixture
def source(tmp_path):
    for name in FILES:
        (tmp_path / name).parent.mkdir(parents=True, exist_ok=True)
        (tmp_path / name).write_bytes(name.encode())
    return tmp_path


def test_folders_say_label_and_split(source):
    listing = images.list_clips(source)
    assert {ref.clip_id: (ref.split, ref.label) for ref in listing.refs} == {
        "loose.jpg": ("train", source.name),
        "test/e.bmp": ("test", "test"),
        "train/n01/a.JPEG": ("train", "n01"),
        "train/n02/deep/er/c.png": ("train", "er"),
        "train/n02/walk.MP4": ("train", "n02"),
        "val/n01/d.webp": ("validation", "n01"),
    }
    assert listing.ignored == (".hidden.jpg", "train/n01/b.txt")
    assert all((ref.group, ref.size) == (ref.clip_id, len(ref.clip_id)) for ref in listing.refs)


def test_a_glob_and_one_file_are_sources_too(source):
    assert [ref.clip_id for ref in images.list_clips(f"{source}/train/n0?/*").refs] == [
        "n01/a.JPEG",
        "n02/walk.MP4",
    ]
    (one,) = images.list_clips(source / "val/n01/d.webp").refs
    assert (one.clip_id, one.label, one.uri) == ("d.webp", "n01", str(source / "val/n01/d.webp"))


def test_a_folder_without_pictures_is_refused(tmp_path):
    (tmp_path / "a.txt").touch()
    with pytest.raises(SourceError, match=r"no image in it, expected \.bmp"):
        images.list_clips(tmp_path)
