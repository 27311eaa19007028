"""Decoding: what comes out is what went in, and wrong headers become sentences with both counts."""

import math
import struct
from collections.abc import Sequence
from pathlib import Path

import cv2
import numpy as np
import pytest

from posebeam.pipelines.decode import Clip, DecodeReport, Frame, open_clip, probe
from posebeam.transforms.errors import ConfigError, DecodeError

HEIGHT, WIDTH = 48, 64


def pictures(count: int) -> np.ndarray:
    """uint8 RGB [count, 48, 64, 3]: frame t is grey 10 t, but for its top left quarter, which is red."""
    frames = np.empty((count, HEIGHT, WIDTH, 3), np.uint8)
    frames[:] = (10 * np.arange(count, dtype=np.uint8))[:, None, None, None]
    frames[:, : HEIGHT // 2, : WIDTH // 2] = (255, 0, 0)
    return frames


def write(path: Path, codec: str = "FFV1", count: int = 20, fps: float = 25.0) -> Path:
    writer = cv2.VideoWriter(str(path), cv2.VideoWriter_fourcc(*codec), fps, (WIDTH, HEIGHT))
    assert writer.isOpened()
    for frame in pictures(count):
        writer.write(frame[..., ::-1])
    writer.release()
    return path


def patch(path: Path, mark: bytes, offset: int, layout: str, *values: float) -> Path:
    """Overwrite a header's fields, `offset` bytes after the mark."""
    content = bytearray(path.read_bytes())
    struct.pack_into(layout, content, content.index(mark) + offset, *values)
    path.write_bytes(content)
    return path


def decode(path: Path | str, **options: float) -> tuple[list[Frame], DecodeReport]:
    with open_clip(path, **options) as clip:
        return list(clip), clip.report


@pytest.mark.parametrize(("name", "codec"), [("a.avi", "FFV1"), ("a.mkv", "FFV1")])
def test_a_lossless_clip_comes_out_as_it_went_in(tmp_path, name, codec):
    frames, report = decode(write(tmp_path / name, codec))
    np.testing.assert_array_equal([frame.rgb for frame in frames], pictures(20))
    assert [frame.number for frame in frames] == list(range(20))
    np.testing.assert_allclose([frame.seconds for frame in frames], np.arange(20) / 25, atol=1e-3)
    assert report == DecodeReport(20, 20, 25.0, WIDTH, HEIGHT, ())


@pytest.mark.parametrize(
    ("name", "codec"), [("a.avi", "MJPG"), ("a.mp4", "mp4v"), ("a.mov", "mp4v"), ("a.webm", "VP80")]
)
def test_common_containers_are_read(tmp_path, name, codec):
    frames, report = decode(write(tmp_path / name, codec))
    error = np.abs(np.float32([frame.rgb for frame in frames]) - pictures(20))
    assert error.mean() < 3
    assert (report.decoded_frames, report.warnings) == (20, ())


@pytest.mark.parametrize(("degrees", "matrix"), [(90, (0, 1, -1, 0)), (180, (-1, 0, 0, -1)), (270, (0, -1, 1, 0))])
def test_rotation_is_honoured(tmp_path, degrees, matrix):
    """The display matrix of a phone's mp4 (ISO 14496-12, tkhd), written into the header: degrees clockwise."""
    a, b, c, d = (entry << 16 for entry in matrix)
    path = patch(write(tmp_path / "a.mp4", "mp4v"), b"tkhd", 44, ">6i", a, b, 0, c, d, 0)
    frames, report = decode(path)
    expected = np.rot90(pictures(20), -degrees // 90, axes=(1, 2))
    assert frames[0].rgb.shape == expected.shape[1:]
    assert np.abs(np.float32(frames[0].rgb) - expected[0]).mean() < 3
    assert (report.height, report.width) == expected.shape[1:3]


def test_a_clip_as_a_phone_stores_it_stands_upright(media):
    """The same excerpt twice: once with upright pixels, once lying with a display matrix."""
    with (
        open_clip(media / "actions/balancing/camera_2.mp4") as upright,
        open_clip(media / "odd/rotated.mp4") as lying,
    ):
        for expected, frame in zip(upright, lying, strict=False):
            assert np.abs(np.float32(frame.rgb) - expected.rgb).mean() < 8  # encoded apart; upside down it is 60
    assert frame.number == 29


@pytest.mark.parametrize(
    ("fps", "numbers"), [(25, range(20)), (60, range(20)), (12.5, range(0, 20, 2)), (5, range(0, 20, 5))]
)
def test_a_lower_fps_leaves_frames_out_evenly(tmp_path, fps, numbers):
    frames, report = decode(write(tmp_path / "a.mkv"), fps=fps)
    np.testing.assert_array_equal([frame.rgb for frame in frames], pictures(20)[list(numbers)])
    assert [frame.number for frame in frames] == list(range(len(numbers)))
    assert report.decoded_frames == 20


@pytest.mark.parametrize("fps", [0, -1, math.nan, math.inf])
def test_an_fps_that_is_none_is_refused(tmp_path, fps):
    with pytest.raises(ConfigError, match="expected a positive number"):
        open_clip(write(tmp_path / "a.avi"), fps=fps)


def test_a_header_without_a_length_is_a_warning_with_both_counts(tmp_path):
    """Matroska without a duration, as live recorders write it: FFmpeg then counts -2.3e17 frames."""
    path = patch(write(tmp_path / "a.mkv"), b"\x44\x89\x88", 3, ">d", 0.0)
    frames, report = decode(path)
    assert len(frames) == 20
    assert report.header_frames < 0
    assert report.warnings == (
        f"no usable frame count: the header counts {report.header_frames} frames, 20 were decoded",
    )
    assert probe(path) == 0


@pytest.mark.parametrize(
    ("count", "warning"),
    [
        (0, "no usable frame count: the header counts 0 frames, 20 were decoded"),
        (5, "more than promised: the header counts 5 frames, 20 were decoded"),
        (19, None),
        (21, None),  # healthy AVIs can be one short of their header
        (400, "cut short: the header counts 400 frames, 20 were decoded"),
        (2**32 - 1, "no usable frame count: the header counts 4294967295 frames, 20 were decoded"),
    ],
)
def test_a_wrong_frame_count_is_a_warning_with_both_counts(tmp_path, count, warning):
    path = patch(write(tmp_path / "a.avi", "MJPG"), b"strh", 40, "<I", count)
    frames, report = decode(path)
    assert len(frames) == 20
    assert report.warnings == ((warning,) if warning else ())


def test_a_clip_that_is_cut_off_keeps_what_it_has(tmp_path):
    path = write(tmp_path / "a.avi", "MJPG")
    content = path.read_bytes()
    path.write_bytes(content[: (content.index(b"movi") + content.index(b"idx1")) // 2])
    frames, report = decode(path)
    assert 5 < len(frames) < 15
    assert report.warnings == (f"cut short: the header counts 20 frames, {len(frames)} were decoded",)
    np.testing.assert_allclose(np.float32(frames[3].rgb), pictures(20)[3], atol=40)


def test_a_clip_that_is_cut_before_its_first_frame_is_an_error(tmp_path):
    path = write(tmp_path / "a.avi", "MJPG")
    path.write_bytes(path.read_bytes()[: path.read_bytes().index(b"movi") + 8])
    with pytest.raises(DecodeError, match="no frame could be decoded; the header counts 20"):
        decode(path)


def test_the_shipped_clips_are_sound(media):
    paths = sorted((media / "actions").glob("*/*"))
    reports = [decode(path)[1] for path in paths]
    assert len(paths) == 10
    assert [report.warnings for report in reports] == [()] * 10
    assert min(report.decoded_frames for report in reports) >= 60


def test_a_clip_is_read_once_and_reports_at_its_end(tmp_path):
    with open_clip(write(tmp_path / "a.avi")) as clip:
        with pytest.raises(RuntimeError, match="iterate to the end first"):
            _ = clip.report
        assert len(list(clip)) == clip.decoded == 20
        with pytest.raises(RuntimeError, match="open it again"):
            iter(clip)


class StubCapture:
    """A container with chosen timestamps in seconds and frame sizes (height, width)."""

    def __init__(self, stamps: Sequence[float], sizes: Sequence[tuple[int, int]], fps: float = 25.0) -> None:
        self.header_frames, self.header_fps = len(stamps), fps
        self._frames = iter(zip(stamps, sizes, strict=True))

    def grab(self) -> bool:
        self.stamp, self._size = next(self._frames, (math.nan, (0, 0)))
        return self._size != (0, 0)

    def retrieve(self) -> np.ndarray:
        return np.zeros((*self._size, 3), np.uint8)

    def close(self) -> None:
        pass


@pytest.mark.parametrize(
    ("stamps", "fps", "seconds"),
    [
        ([5.0, 5.1, 5.2, 5.4], 10.0, [0, 0.1, 0.2, 0.4]),  # from zero; frames that the file leaves out
        ([0.04, 0.08, 0.12, 0.0], 25.0, [0, 0.04, 0.08, 0.12]),  # AVI with B-frames: the last has no time
        ([0.0, 0.0, 0.0, 0.0], 25.0, [0, 0.04, 0.08, 0.12]),
        ([math.nan, math.nan, math.nan, math.nan], 0.0, [0, 0.04, 0.08, 0.12]),  # assumed 25
    ],
)
def test_seconds_start_at_zero_and_rise(stamps, fps, seconds):
    clip = Clip(StubCapture(stamps, [(4, 4)] * 4, fps), None)
    np.testing.assert_allclose([frame.seconds for frame in clip], seconds)


def test_timestamps_that_contradict_the_frame_rate_win():
    clip = Clip(StubCapture([0, 0.1, 0.2, 0.3], [(4, 4)] * 4, fps=1000.0), None)
    list(clip)
    assert clip.report.fps == pytest.approx(10)
    assert clip.report.warnings == ("the header says 1000 frames/s, the timestamps 10",)


def test_frames_that_change_size_are_scaled_to_the_first():
    clip = Clip(StubCapture([0, 0.04, 0.08], [(40, 60), (20, 30), (80, 20)]), None)
    assert {frame.rgb.shape for frame in clip} == {(40, 60, 3)}
    assert clip.report.warnings == (
        "the frames change from 60 x 40 to 30 x 20 at frame 1: scaled to the first size",
    )


def test_real_clips_that_are_cut_decode_short(foreign_data):
    frames, report = decode(foreign_data / "ucf101/videos/BandMarching/v_BandMarching_g21_c06.avi")
    assert len(frames) == 125
    assert report.warnings == ("cut short: the header counts 336 frames, 125 were decoded",)


def test_a_real_clip_that_leaves_frames_out_is_not_cut(foreign_data):
    _, report = decode(foreign_data / "ucf101/videos/Basketball/v_Basketball_g13_c02.avi")
    assert report.warnings == ("frames left out within the clip: the header counts 330 frames, 324 were decoded",)


@pytest.mark.slow
def test_every_real_clip_decodes(foreign_data):
    paths = sorted([*foreign_data.glob("ucf101/videos/*/*.avi"), *foreign_data.glob("videos_in_the_wild/*")])
    decoded = {path: _count_rising(path) for path in paths}
    assert len(paths) == 337
    assert min(decoded.values()) >= 28
    assert sum(decoded.values()) > 47_000


def _count_rising(path: Path) -> int:
    count, last = 0, -1.0
    with open_clip(path) as clip:
        for frame in clip:
            assert frame.seconds > last, f"{path}: frame {frame.number}"
            count, last = count + 1, frame.seconds
    return count


def with_times(path: Path, milliseconds: Sequence[int]) -> Path:
    """Give the frames of an mp4 other times: its table of durations (ISO 14496-12, stts) is written anew.

    The header stands behind the pictures, so that it may grow.
    """
    content = bytearray(path.read_bytes())
    (scale,) = struct.unpack_from(">I", content, content.index(b"mdhd") + 16)
    ticks = np.rint(np.diff([*milliseconds, milliseconds[-1] + 40]) * scale / 1000).astype(int)
    start = content.index(b"stts") - 4
    (size,) = struct.unpack_from(">I", content, start)
    table = b"".join(struct.pack(">II", 1, tick) for tick in ticks)
    box = struct.pack(">I4sII", 16 + len(table), b"stts", 0, len(ticks)) + table
    content[start : start + size] = box
    for name in (b"moov", b"trak", b"mdia", b"minf", b"stbl"):
        at = content.index(name) - 4
        (old,) = struct.unpack_from(">I", content, at)
        struct.pack_into(">I", content, at, old + len(box) - size)
    path.write_bytes(content)
    return path


def test_a_file_of_variable_rate_has_the_times_that_it_says(tmp_path):
    times = [0, 40, 80, 100, 120, 140, 160, 180, 200, 400, 440, 480, 500, 520, 540, 560, 580, 600, 620, 640]
    frames, report = decode(with_times(write(tmp_path / "a.mp4", "mp4v"), times))
    np.testing.assert_allclose([frame.seconds * 1000 for frame in frames], times, atol=1)
    assert len(frames) == report.decoded_frames == 20


def test_a_variable_rate_is_thinned_where_it_is_higher_only(tmp_path):
    times = [0, 40, 80, 100, 120, 140, 160, 180, 200, 400, 440, 480, 500, 520, 540, 560, 580, 600, 620, 640]
    frames, report = decode(with_times(write(tmp_path / "a.mp4", "mp4v"), times), fps=25)
    kept = [0, 40, 80, 120, 160, 200, 400, 440, 480, 520, 560, 600, 640]
    np.testing.assert_allclose([frame.seconds * 1000 for frame in frames], kept, atol=1)
    shades = [float(frame.rgb[-1, -1].mean()) for frame in frames]
    np.testing.assert_allclose(shades, [10 * times.index(time) for time in kept], atol=6)
    assert [frame.number for frame in frames] == list(range(13))
    assert report.warnings[0] == "18.75 frames/s are there where 25 were asked for: none is made up"


def test_a_lower_rate_stays_as_it_is_and_is_named(tmp_path):
    path = write(tmp_path / "a.mkv", fps=12.5)
    frames, report = decode(path, fps=25)
    assert (len(frames), report.fps) == (20, 12.5)
    assert report.warnings == ("12.5 frames/s are there where 25 were asked for: none is made up",)
    assert decode(path, fps=12.5)[1].warnings == ()


def test_real_clips_of_25_and_30_frames_a_second_become_15(foreign_data):
    for path in sorted((foreign_data / "videos_in_the_wild").glob("*")):
        frames, report = decode(path, fps=15)
        times = np.array([frame.seconds for frame in frames])
        assert len(times) == pytest.approx(15 * times[-1] + 1, abs=1.5), path
        assert np.diff(times).max() < 1 / 15 + 1 / report.fps + 0.002, path
