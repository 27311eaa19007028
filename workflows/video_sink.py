"""VideoSink: frames to an mp4 that is there whole or not at all."""

from contextlib import ExitStack
from pathlib import Path
from types import TracebackType

import cv2
import numpy as np
from numpy.typing import NDArray

from posebeam.models.private import private_beside
from posebeam.pipelines.decode import probe
from posebeam.pipelines.publish import publish
from posebeam.transforms.errors import ConfigError, DataError


def require_mp4(path: Path) -> None:
    """ConfigError unless the path is an .mp4's."""
    if path.suffix.lower() != ".mp4":
        raise ConfigError(f"{path}: videos are written as .mp4, name the file so")


class VideoSink:
    """A context manager that writes frames uint8 RGB [H, W, 3] of one size to `path`, an .mp4.

    The file gets its name when the context ends well; after an error there is none. Odd sizes get a row or
    column more, as MPEG-4 wants even ones. DataError if the file cannot be written in full.
    """

    def __init__(self, path: Path, fps: float) -> None:
        require_mp4(path)
        if not fps > 0:
            raise ConfigError(f"{path}: {fps} frames a second, expected more than 0")
        self._path, self._fps = path, fps
        self._private = ExitStack()
        self._part = path  # until the context begins
        self._writer: cv2.VideoWriter | None = None
        self._shape: tuple[int, ...] = ()
        self._frames = 0

    def __enter__(self) -> "VideoSink":
        self._part = self._private.enter_context(private_beside(self._path))
        return self

    def write(self, frame: NDArray[np.uint8]) -> None:
        """Append a frame; ValueError if it has another size than the first."""
        if self._writer is None:
            self._writer, self._shape = self._open(frame), frame.shape
        if frame.shape != self._shape:
            raise ValueError(f"{self._path}: got a frame {list(frame.shape)} after {list(self._shape)}")
        height, width = frame.shape[:2]
        even = cv2.copyMakeBorder(frame, 0, height % 2, 0, width % 2, cv2.BORDER_REPLICATE)
        self._writer.write(cv2.cvtColor(even, cv2.COLOR_RGB2BGR))
        self._frames += 1

    def _open(self, frame: NDArray[np.uint8]) -> cv2.VideoWriter:
        height, width = frame.shape[:2]
        size = (width + width % 2, height + height % 2)
        writer = cv2.VideoWriter(str(self._part), cv2.CAP_FFMPEG, cv2.VideoWriter.fourcc(*"mp4v"), self._fps, size)
        if not writer.isOpened():
            raise DataError(f"{self._path}: cannot be written; is the folder writable?")
        return writer

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        try:
            if self._writer is not None:
                self._writer.release()
            if error is None:
                self._finish()
        finally:
            self._private.close()

    def _finish(self) -> None:
        """OpenCV does not say when a disk is full: the file itself is asked how much arrived."""
        arrived = probe(self._part) if self._frames else 0
        if not self._frames or arrived != self._frames:
            raise DataError(f"{self._path}: {arrived} of {self._frames} frames were written; is the disk full?")
        publish(self._part, self._path)
