"""Belt: frames on their way from the thread that decodes to the one that wants them."""

import threading
from collections import deque
from collections.abc import Iterator
from typing import Protocol

from posebeam.pipelines.decode import DecodeReport, Frame


class Frames(Protocol):
    """What is decoded ahead: a Clip. `decoded` counts frames also where none is given out."""

    def __iter__(self) -> Iterator[Frame]: ...
    def close(self) -> None: ...
    @property
    def decoded(self) -> int: ...
    @property
    def report(self) -> DecodeReport: ...


class Belt:
    """Frames between two threads: puts wait for room, takes for frames."""

    def __init__(self, byte_budget: int) -> None:
        self._budget = byte_budget
        self._frames: deque[Frame] = deque()
        self._bytes = 0
        self._changed = threading.Condition()
        self._ended = False
        self._error: BaseException | None = None
        self.report: DecodeReport | None = None
        self.source: Frames | None = None

    @property
    def progress(self) -> int:
        """Grows as long as the decoder works."""
        source = self.source
        return -1 if source is None else source.decoded

    def put(self, frame: Frame) -> bool:
        """Wait for room and lay the frame down; False if nobody wants it any more."""
        with self._changed:
            self._changed.wait_for(lambda: self._ended or self._fits(frame))
            if self._ended:
                return False
            self._frames.append(frame)
            self._bytes += frame.nbytes
            self._changed.notify_all()
            return True

    def _fits(self, frame: Frame) -> bool:
        return not self._frames or self._bytes + frame.nbytes <= self._budget

    def finish(self, report: DecodeReport | None, error: BaseException | None = None) -> None:
        """The producer's end; unless the consumer left before."""
        with self._changed:
            if not self._ended:
                self._ended, self.report, self._error = True, report, error
                self._changed.notify_all()

    def shut(self, error: BaseException | None = None) -> None:
        """The consumer's end: what waits is dropped, what is put is refused."""
        with self._changed:
            self._frames.clear()
            self._ended, self._error = True, error
            self._changed.notify_all()

    def wait(self, seconds: float) -> bool:
        """Whether there is something to take, at the latest after the given time."""
        with self._changed:
            return self._changed.wait_for(lambda: self._ended or bool(self._frames), seconds)

    def take(self) -> Frame:
        """The next frame; the error that ended them, or StopIteration. Only after a wait that said so."""
        with self._changed:
            if self._frames:
                frame = self._frames.popleft()
                self._bytes -= frame.nbytes
                self._changed.notify_all()
                return frame
            if self._error is not None:
                raise self._error
            raise StopIteration
