"""Decoding: a video to a stream of RGB frames with timestamps, and a report at its end."""

import math
import os
from collections.abc import Iterator
from dataclasses import dataclass, replace
from types import TracebackType

import cv2
import numpy as np
from numpy.typing import NDArray

from posebeam.pipelines.bounds import BOUNDS, Bounds
from posebeam.pipelines.capture import STREAM_TIMEOUT_SECONDS, Capture, is_count
from posebeam.pipelines.clock import ASSUMED_FPS, Clock, Pace
from posebeam.transforms.errors import ConfigError, DecodeError

_HEADER_SLACK = 1  # frames: healthy AVIs can be one short of their header
_FPS_SLACK = 0.1  # a tenth: frames that a file leaves out are no other frame rate


@dataclass(frozen=True, eq=False)
class Frame:
    """One frame: number counts the frames given out, from 0; seconds since the first; rgb uint8 [H, W, 3].

    encoded: of an image, the bytes that it was decoded from.
    """

    number: int
    seconds: float
    rgb: NDArray[np.uint8]
    encoded: bytes = b""

    @property
    def nbytes(self) -> int:
        """What it takes of memory."""
        return self.rgb.nbytes + len(self.encoded)


@dataclass(frozen=True)
class DecodeReport:
    """What a clip turned out to be, known once its last frame is read.

    header_frames   what the container promised, as it stands there: can be negative or absurd
    decoded_frames  what came out of the decoder, with the frames that a lower fps left out
    fps             frames a second before any were left out: the header's, or the timestamps' where they
                    contradict it
    width, height   of the frames as they are shown, rotation applied
    warnings        sentences for the user
    """

    header_frames: int
    decoded_frames: int
    fps: float
    width: int
    height: int
    warnings: tuple[str, ...]


def open_clip(
    path: str | os.PathLike[str], *, fps: float | None = None, timeout: float = STREAM_TIMEOUT_SECONDS,
    most: int | None = None, bounds: Bounds = BOUNDS,
) -> "Clip":  # fmt: skip
    """Open a video file, or a URL that FFmpeg reads, for one pass.

    fps: leave frames out so that at most that many a second remain, by their timestamps; frames are never made
    up, so a clip that has fewer stays as it is and says so in its report. None keeps all.
    timeout: seconds of silence that end a network stream; files have none.
    most: stop after so many frames were given out; what the report would say of the rest is not known then.
    bounds: what is larger or longer is refused, by its header if that tells, else where it turns out.
    Raises DecodeError, saying why, for anything that is no readable video.
    """
    if fps is not None and not (math.isfinite(fps) and fps > 0):
        raise ConfigError(f"fps is {fps}, expected a positive number, or nothing to keep all frames")
    return Clip(Capture(path, timeout, bounds), fps, most, bounds)


def probe(path: str | os.PathLike[str]) -> int:
    """Frames by the header, 0 if it does not say or is unreadable: 0.3 ms for small AVIs, 50 for 1080p."""
    try:
        capture = Capture(path)
    except DecodeError:
        return 0
    capture.close()
    return capture.header_frames if is_count(capture.header_frames) else 0


class Clip:
    """An open video: iterate once for its frames, then read `report`. A context manager.

    header_frames and fps (0 if unknown) are what the header says of the whole video.
    """

    def __init__(
        self, capture: Capture, fps: float | None, most: int | None = None, bounds: Bounds = BOUNDS
    ) -> None:
        self._capture, self._bounds = capture, bounds
        self._most_fps, self._most = fps, most
        self._started = False
        self._report: DecodeReport | None = None
        self._clock = Clock(capture.header_fps)
        self.header_frames, self.fps = capture.header_frames, capture.header_fps

    def __enter__(self) -> "Clip":
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()

    def close(self) -> None:
        """Let go of the file; a pass that was not finished has no report."""
        self._capture.close()

    @property
    def decoded(self) -> int:
        """Frames decoded so far, with those that a lower fps leaves out."""
        return self._clock.frames

    @property
    def report(self) -> DecodeReport:
        """What the clip turned out to be; only after the last frame."""
        if self._report is None:
            raise RuntimeError("a clip has its report after its last frame: iterate to the end first")
        return self._report

    def __iter__(self) -> Iterator[Frame]:
        """The frames, in order. DecodeError if there is not a single one."""
        if self._started:
            raise RuntimeError("a clip is iterated once: open it again for another pass")
        self._started = True
        return self._frames()

    def _frames(self) -> Iterator[Frame]:
        capture, given = self._capture, 0
        clock, size = self._clock, _Size()
        pace = Pace(self._most_fps, capture.header_fps) if self._most_fps else None
        while given != self._most and capture.grab():
            seconds = clock.tick(capture.stamp)
            self._bounds.refuse_length(seconds, clock.frames)
            if pace is not None and not pace.keeps(seconds):
                continue
            rgb = size.fit(capture.retrieve(), clock.frames - 1)
            yield Frame(given, seconds, rgb)
            given += 1
        self.close()
        if clock.frames == 0:
            raise DecodeError(f"no frame could be decoded; the header counts {capture.header_frames}")
        short = pace.shortfall(clock.seconds) if pace else ()
        self._report = _report(capture, clock, size, short, to_the_end=given != self._most)


class _Size:
    """The first frame's size: streams may change theirs half-way, poses of one clip share one reference."""

    def __init__(self) -> None:
        self.height = self.width = 0
        self.warnings: tuple[str, ...] = ()

    def fit(self, rgb: NDArray[np.uint8], index: int) -> NDArray[np.uint8]:
        """The frame, uint8 [h, w, 3], scaled to the first one's size [H, W, 3] if it differs."""
        h, w = rgb.shape[:2]
        if not self.height:
            self.height, self.width = h, w
        if (h, w) == (self.height, self.width):
            return rgb
        if not self.warnings:
            change = f"from {self.width} x {self.height} to {w} x {h} at frame {index}"
            self.warnings = (f"the frames change {change}: scaled to the first size",)
        scaled: NDArray[np.uint8] = cv2.resize(rgb, (self.width, self.height), interpolation=cv2.INTER_AREA)
        return scaled


def _report(capture: Capture, clock: Clock, size: _Size, told: tuple[str, ...], to_the_end: bool) -> DecodeReport:
    """What the header said against what came."""
    header, decoded, warnings = capture.header_frames, clock.frames, [*size.warnings, *told]
    measured = (decoded - 1) / clock.seconds if decoded > 1 else 0.0
    fps = capture.header_fps or measured or ASSUMED_FPS
    if measured and abs(measured - fps) > _FPS_SLACK * fps:
        warnings.append(f"the header says {fps:.6g} frames/s, the timestamps {measured:.6g}")
        fps = measured
    result = DecodeReport(header, decoded, fps, size.width, size.height, ())
    if to_the_end:
        warnings.extend(_count_warnings(header, decoded, spanned=round(clock.seconds * fps) + 1))
    return replace(result, warnings=tuple(warnings))


def _count_warnings(header: int, decoded: int, spanned: int) -> list[str]:
    """The header's count against the decoded one; spanned is the frames that the clip's time would hold."""
    counts = f"the header counts {header} frames, {decoded} were decoded"
    if not is_count(header):
        return [f"no usable frame count: {counts}"]
    if abs(header - decoded) <= _HEADER_SLACK:
        return []
    if decoded > header:
        return [f"more than promised: {counts}"]
    if spanned >= header - _HEADER_SLACK:
        return [f"frames left out within the clip: {counts}"]
    return [f"cut short: {counts}"]
