"""Overlays: each frame shows who was there, and its label."""

from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from posebeam.pipelines.decode import open_clip
from posebeam.transforms.errors import ConfigError
from posebeam.transforms.skeleton import skeleton
from posebeam.transforms.track import PoseTrack
from posebeam.workflows.overlay import write_overlay
from posebeam.workflows.video_sink import VideoSink


@pytest.fixture
def video(tmp_path: Path) -> Path:
    """Twenty black frames of 160 x 120."""
    with VideoSink(tmp_path / "black.mp4", fps=10) as sink:
        for _ in range(20):
            sink.write(np.zeros((120, 160, 3), np.uint8))
    return tmp_path / "black.mp4"


def track(frames: list[int], x: float, name: str = "coco17") -> PoseTrack:
    """A person whose joints all stand at (x, 90)."""
    T, K = len(frames), len(skeleton(name))
    xy = np.broadcast_to(np.float32([x, 90]), (T, K, 2)).copy()
    return PoseTrack("black.mp4", 0, name, np.array(frames, np.int32), xy, np.full((T, K), 0.9, np.float32))


def bright(path: Path, rows: slice = slice(60, None)) -> list[list[int]]:
    """For each frame the columns, in tens of pixels, where something bright was drawn."""
    with open_clip(path) as clip:
        return [sorted(set(np.flatnonzero(frame.rgb[rows].max((0, 2)) > 100) // 40)) for frame in clip]


def test_people_are_drawn_where_and_when_they_were(video, tmp_path):
    tracks = [track([2, 3, 5], x=20), track([5, 6], x=140)]
    assert write_overlay(video, tracks, tmp_path / "out.mp4", min_score=0.2) == 20
    shown = {number: columns for number, columns in enumerate(bright(tmp_path / "out.mp4")) if columns}
    assert shown == {2: [0], 3: [0], 5: [0, 3], 6: [3]}


def test_labels_stand_on_their_frames(video, tmp_path):
    write_overlay(
        video, [], tmp_path / "out.mp4", min_score=0.2, label=lambda number: "walking" if number < 4 else ""
    )
    labelled = [bool(columns) for columns in bright(tmp_path / "out.mp4", slice(0, 30))]
    assert labelled == [True] * 4 + [False] * 16


@pytest.mark.parametrize(
    ("fps", "rate", "frames", "expected"),
    [(None, None, 20, 10), (5, None, 10, 5), (None, 12.5, 20, 12.5), (60, None, 20, 10)],
)
def test_the_overlay_lasts_as_long_as_the_clip(video, tmp_path, fps, rate, frames, expected):
    out = tmp_path / "out.mp4"
    assert write_overlay(video, [], out, min_score=0.2, fps=fps, rate=rate) == frames
    with open_clip(out) as clip:
        assert clip.fps == pytest.approx(expected)


def test_the_video_itself_is_never_replaced(video, tmp_path):
    before = video.read_bytes()
    (tmp_path / "link.mp4").symlink_to(video)
    for path in (video, tmp_path / "link.mp4", tmp_path / ".." / tmp_path.name / video.name):
        with pytest.raises(ConfigError, match="is the video itself"):
            write_overlay(video, [], path, min_score=0.2)
        assert path.read_bytes() == before


def test_two_skeletons_are_refused(video, tmp_path):
    with pytest.raises(ConfigError, match="several skeletons"):
        write_overlay(video, [track([1], 5), track([1], 5, "body25")], tmp_path / "out.mp4", min_score=0.2)


def test_only_several_people_are_numbered(video, tmp_path):
    """Whoever is alone in a frame keeps the colour that he has when others are there."""
    alone, other = track([2, 3], x=20), replace(track([3], x=140), person=1)
    for name, tracks in (("one", [alone]), ("two", [alone, other])):
        write_overlay(video, tracks, tmp_path / f"{name}.mp4", min_score=0.2)
    above = slice(55, 82)  # the joints stand at 90
    assert not any(bright(tmp_path / "one.mp4", above))
    shown = bright(tmp_path / "two.mp4", above)
    assert shown[2:4] == [[0], [0, 3]]
