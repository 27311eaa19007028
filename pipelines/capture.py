"""Capture: a video file opened with OpenCV, or a DecodeError that says why it is none."""

import math
import os
import stat
import time
from pathlib import Path

import cv2

from posebeam.pipelines.bounds import BOUNDS, Bounds
from posebeam.pipelines.stores.fetched import here
from posebeam.transforms.errors import DecodeError

# Damaged streams are reported by us, with counts; these libraries' own lines would run through the progress.
os.environ.setdefault("OPENCV_FFMPEG_LOGLEVEL", "-8")
if "OPENCV_LOG_LEVEL" not in os.environ:
    cv2.utils.logging.setLogLevel(cv2.utils.logging.LOG_LEVEL_SILENT)

STREAM_TIMEOUT_SECONDS = 60.0
_MOST_FRAMES = 10_000_000  # four days at 30 frames a second: beyond it a header's count is no count


class Capture:
    """An open video: grab() a frame, then ask when it is (`stamp`) and for its picture (`retrieve`).

    header_frames is the container's count as it stands there: it can be negative or absurd.
    header_fps is 0 where the container gives none.
    """

    def __init__(
        self, path: str | os.PathLike[str], timeout: float = STREAM_TIMEOUT_SECONDS, bounds: Bounds = BOUNDS
    ) -> None:
        """timeout in seconds ends a silent network stream; a file has none: a busy machine loses no clip. What
        lies in an object store is fetched first.

        DecodeError if it cannot be opened, or if its header says more than bounds allow.
        """
        self._bounds = bounds
        with here(os.fspath(path)) as uri:
            self._open(uri, timeout)
        if not self._video.isOpened():
            raise DecodeError("no video stream that FFmpeg can read: audio only, damaged, or another kind of file")
        self._video.set(cv2.CAP_PROP_ORIENTATION_AUTO, 1)
        count, fps = self._video.get(cv2.CAP_PROP_FRAME_COUNT), self._video.get(cv2.CAP_PROP_FPS)
        self.header_frames = int(count) if math.isfinite(count) else 0
        self.header_fps = fps if math.isfinite(fps) and fps > 0 else 0.0
        self._refuse_by_header()

    def _open(self, uri: str, timeout: float) -> None:
        is_stream = "://" in uri
        self._timeout = timeout if is_stream else math.inf
        if not is_stream:
            uri = os.path.abspath(uri)  # noqa: PTH100  FFmpeg takes the a of a:b.mp4 for a protocol
            require_file(uri)
        milliseconds = int(timeout * 1000) if is_stream else 0  # 0 is no time-out
        # One thread a clip: 32 captures with the default make 99 threads.
        options = [cv2.CAP_PROP_N_THREADS, 1]
        options += [cv2.CAP_PROP_OPEN_TIMEOUT_MSEC, milliseconds, cv2.CAP_PROP_READ_TIMEOUT_MSEC, milliseconds]
        started = time.monotonic()
        self._video = cv2.VideoCapture(uri, cv2.CAP_FFMPEG, options)
        self._raise_if_stalled(started)

    def grab(self) -> bool:
        """Decode the next frame; False at the end. DecodeError where a stream fell silent."""
        started = time.monotonic()
        got = bool(self._video.grab())
        self._raise_if_stalled(started)  # even with a frame: FFmpeg gives out what it had when cut off
        return got

    @property
    def stamp(self) -> float:
        """The container's time of the grabbed frame in seconds: not always rising, not always from 0."""
        return float(self._video.get(cv2.CAP_PROP_POS_MSEC)) / 1000

    def retrieve(self) -> cv2.typing.MatLike:
        """The grabbed frame, uint8 RGB [H, W, 3]. DecodeError if no picture can be made of it."""
        try:
            got, bgr = self._video.retrieve()
            if got:
                self._bounds.refuse_size(bgr.shape[1], bgr.shape[0])  # a stream can grow on its way
                return cv2.cvtColor(bgr, cv2.COLOR_BGR2RGB)
        except cv2.error as error:
            raise DecodeError(f"a frame could not be converted: {error.err}") from None
        raise DecodeError("a frame could not be converted: the decoder gave no picture")

    def close(self) -> None:
        """Let go of the file. Only from the thread that grabs."""
        self._video.release()

    def _raise_if_stalled(self, started: float) -> None:
        if time.monotonic() - started >= self._timeout:
            self.close()
            raise DecodeError(f"stalled: the stream was silent for {self._timeout:g} s")

    def _refuse_by_header(self) -> None:
        """Before a frame is decoded, as far as the container tells."""
        sides = (self._video.get(side) for side in (cv2.CAP_PROP_FRAME_WIDTH, cv2.CAP_PROP_FRAME_HEIGHT))
        try:
            self._bounds.refuse_size(*(int(side) if math.isfinite(side) else 0 for side in sides))
            if is_count(self.header_frames):
                self._bounds.refuse_header(self.header_frames, self.header_fps)
        except DecodeError:
            self.close()
            raise


def is_count(header_frames: int) -> bool:
    """Whether a header's frame count can be meant: containers without one give negative or absurd numbers."""
    return 0 < header_frames <= _MOST_FRAMES


def require_file(path: str) -> None:
    """A regular, readable file with bytes in it: opening a FIFO without a writer would block for ever."""
    try:
        path.encode()  # OpenCV crashes the process on a name that is not UTF-8
        status = Path(path).stat()
    except OSError as error:
        raise DecodeError(f"cannot be opened: {error.strerror}") from None
    except ValueError as error:
        raise DecodeError(f"cannot be opened: its name is no UTF-8 text ({error}); rename it") from None
    if not stat.S_ISREG(status.st_mode):
        kind = "a folder" if stat.S_ISDIR(status.st_mode) else "a pipe or device"
        raise DecodeError(f"is {kind}, expected a regular file")
    if status.st_size == 0:
        raise DecodeError("the file is empty: 0 bytes")
    if not os.access(path, os.R_OK):
        raise DecodeError("cannot be opened: permission denied")
