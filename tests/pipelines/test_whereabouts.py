"""Where videos lie: the folder that ids count from, and what lies elsewhere."""

import pytest

from posebeam.pipelines.clip import ClipRef
from posebeam.pipelines.runs import record_run
from posebeam.pipelines.whereabouts import find_video, last_whereabouts, whereabouts
from posebeam.transforms.errors import SourceError


def ref(uri: str, clip_id: str) -> ClipRef:
    return ClipRef(uri, clip_id, "walk", clip_id, "train", 1)


REFS = [
    ref("/videos/walk/1.avi", "walk/1.avi"),
    ref("/videos/walk/2.avi", "walk/2.avi"),
    ref("/else/3.avi", "outside/0123/3.avi"),
    ref("https://host/4.mp4", "outside/4567/4.mp4"),
]


def test_ids_count_from_one_folder_and_the_rest_is_listed():
    known = whereabouts(REFS)
    assert known["source"] == "/videos"
    assert known["elsewhere"] == {ref.clip_id: ref.uri for ref in REFS[2:]}
    assert whereabouts(REFS[2:])["source"] == ""
    assert whereabouts([]) == {"source": "", "elsewhere": {}}


def test_the_last_run_that_knew_is_asked(tmp_path):
    assert last_whereabouts(tmp_path) == {}
    for run in ({"source": "/old", "elsewhere": {}}, whereabouts(REFS), {"seconds": 3}):
        record_run(run, tmp_path)
    assert last_whereabouts(tmp_path) == whereabouts(REFS)
    assert find_video(tmp_path, "outside/4567/4.mp4") == "https://host/4.mp4"
    with pytest.raises(SourceError, match=r"/else/3.avi is no file: the video of outside/0123/3.avi is not there"):
        find_video(tmp_path, "outside/0123/3.avi")


def test_a_folder_that_is_given_goes_first(tmp_path):
    record_run(whereabouts(REFS), tmp_path)
    (tmp_path / "walk").mkdir()
    (tmp_path / "walk" / "1.avi").write_bytes(b"")
    assert find_video(tmp_path, "walk/1.avi", tmp_path) == str(tmp_path / "walk/1.avi")
    with pytest.raises(SourceError, match="is no file"):
        find_video(tmp_path, "walk/2.avi", tmp_path)
