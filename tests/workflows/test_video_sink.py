"""Writing video: all frames or no file."""

from pathlib import Path

import numpy as np
import pytest

from posebeam.pipelines.decode import open_clip
from posebeam.transforms.errors import ConfigError, DataError
from posebeam.workflows import video_sink
from posebeam.workflows.video_sink import VideoSink


def frames(height: int = 48, width: int = 64, count: int = 10) -> np.ndarray:
    """uint8 RGB [count, height, width, 3]: red above, ever lighter grey below."""
    made = np.empty((count, height, width, 3), np.uint8)
    made[:] = (20 * np.arange(count, dtype=np.uint8))[:, None, None, None]
    made[:, : height // 2] = (255, 0, 0)
    return made


def write(path: Path, *pictures: np.ndarray, fps: float = 25.0, error: Exception | None = None) -> None:
    with VideoSink(path, fps=fps) as sink:
        for picture in pictures:
            sink.write(picture)
        if error:
            raise error


@pytest.mark.parametrize("size", [(48, 64), (49, 65)])
def test_what_is_written_can_be_read(tmp_path, size):
    path = tmp_path / "new folder" / "out.mp4"
    write(path, *frames(*size), fps=12.5)
    with open_clip(path) as clip:
        read = np.stack([frame.rgb for frame in clip])
    height, width = size
    assert read.shape == (10, height + height % 2, width + width % 2, 3)
    assert np.abs(np.float32(read[:, :height, :width]) - frames(*size)).mean() < 4
    assert (clip.report.fps, clip.report.warnings) == (12.5, ())
    assert [file.name for file in path.parent.iterdir()] == ["out.mp4"]


def test_the_file_is_not_there_before_its_end_and_an_old_one_stays(tmp_path):
    path = tmp_path / "out.mp4"
    path.write_bytes(b"old")
    with VideoSink(path, fps=25) as sink:
        sink.write(frames()[0])
        assert path.read_bytes() == b"old"
    assert path.read_bytes() != b"old"


def test_after_an_error_there_is_no_file(tmp_path):
    with pytest.raises(ZeroDivisionError):
        write(tmp_path / "out.mp4", *frames(), error=ZeroDivisionError())
    assert list(tmp_path.iterdir()) == []


def test_a_frame_of_another_size_is_refused(tmp_path):
    """OpenCV would leave it out without a word."""
    with pytest.raises(ValueError, match="after"):
        write(tmp_path / "out.mp4", frames()[0], frames(height=50)[0])


def test_frames_that_did_not_arrive_are_an_error(tmp_path, monkeypatch):
    monkeypatch.setattr(video_sink, "probe", lambda path: 1)  # as after a full disk
    with pytest.raises(DataError, match="1 of 2 frames were written"):
        write(tmp_path / "out.mp4", *frames(count=2))
    assert list(tmp_path.iterdir()) == []


def test_no_frames_are_no_video(tmp_path):
    with pytest.raises(DataError, match="0 of 0 frames"):
        write(tmp_path / "out.mp4")


@pytest.mark.parametrize(
    ("name", "fps", "complaint"), [("out.gif", 25, "written as .mp4"), ("out.mp4", 0, "more than 0")]
)
def test_what_cannot_be_written_is_said_before(name, fps, complaint):
    with pytest.raises(ConfigError, match=complaint):
        VideoSink(Path(name), fps=fps)
