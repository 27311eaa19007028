"""Bounds: what is too large or too long is refused by name, early where a header tells; honest clips never are."""

import cv2
import numpy as np
import pytest

from posebeam.pipelines.bounds import BOUNDS, MOST_PIXELS, Bounds
from posebeam.pipelines.decode import Clip, open_clip
from posebeam.pipelines.settings import PoseSettings
from posebeam.transforms.errors import ConfigError, DecodeError


def write(path, frames=50, size=(64, 48)):
    writer = cv2.VideoWriter(str(path), cv2.VideoWriter_fourcc(*"MJPG"), 25.0, size)
    for number in range(frames):
        writer.write(np.full((*size[::-1], 3), number, np.uint8))
    writer.release()
    return path


class Endless:
    """A stream whose header says nothing, and that never ends; step is the seconds between its timestamps."""

    header_frames, header_fps = 0, 0.0

    def __init__(self, step, fps=0.0):
        self.stamp, self._step, self.header_fps, self.grabbed = -step, step, fps, 0

    def grab(self):
        self.stamp += self._step
        self.grabbed += 1
        return True

    def retrieve(self):
        return np.zeros((4, 4, 3), np.uint8)

    def close(self):
        pass


def test_usual_bounds_are_beyond_what_people_film():
    BOUNDS.refuse_size(7680, 4320)
    BOUNDS.refuse_header(frames=20 * 3600 * 60, fps=60.0)
    BOUNDS.refuse_length(seconds=20 * 3600.0, frames=20 * 3600 * 240)


def test_a_clip_within_its_bounds_is_read_whole_and_one_beyond_is_refused_by_its_header(tmp_path):
    path = write(tmp_path / "a.avi")
    assert len(list(open_clip(path, bounds=Bounds(64 * 48, 2.0)))) == 50
    with pytest.raises(DecodeError, match=r"lasts 2.0 s by its header: at most 1.0 s are read \(--max-seconds\)"):
        open_clip(path, bounds=Bounds(seconds=1.0))
    with pytest.raises(DecodeError, match=r"64 x 48 have 3,072 pixels: at most 3,071 are read \(--max-pixels\)"):
        open_clip(path, bounds=Bounds(pixels=64 * 48 - 1))


@pytest.mark.parametrize(("step", "fps", "most"), [(0.04, 25.0, 30), (0.0, 25.0, 30), (0.0, 1e9, 1001)])
def test_a_clip_that_does_not_end_is_left_whatever_its_timestamps_say(step, fps, most):
    stream = Endless(step, fps)
    with pytest.raises(DecodeError, match="goes on after"):
        list(Clip(stream, None, bounds=Bounds(seconds=1.0)))
    assert stream.grabbed <= most


@pytest.mark.parametrize("wrong", [{"pixels": 0}, {"pixels": MOST_PIXELS + 1}, {"seconds": 0.0}])
def test_bounds_check_themselves(wrong):
    with pytest.raises(ConfigError, match=f"max_{next(iter(wrong))}: got"):
        Bounds(**wrong)
    with pytest.raises(ConfigError, match="max_seconds"):
        PoseSettings("videos", "movenet-lightning", "", max_seconds=float("nan"))


def test_settings_know_of_bounds_only_where_they_are_others():
    usual = PoseSettings("videos", "movenet-lightning", "")
    assert usual.bounds == BOUNDS
    assert "max_pixels" not in usual.extra
    other = PoseSettings("videos", "movenet-lightning", "", max_pixels=1000)
    assert other.extra == {"max_pixels": 1000}
    assert other.bounds == Bounds(1000)
