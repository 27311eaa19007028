"""Prefetch: a clip's frames, decoded ahead in a thread of its own, bounded in bytes; ends what stalls."""

import atexit
import threading
from collections.abc import Callable
from types import TracebackType
from weakref import WeakKeyDictionary

from posebeam.pipelines.belt import Belt, Frames
from posebeam.pipelines.decode import DecodeReport, Frame
from posebeam.transforms.errors import DecodeError, WorkerError

STALL_SECONDS = 60.0
MOST_ABANDONED = 3  # threads that hang in a decoder cannot be killed: so many, and the process is given up
_TICK_SECONDS = 1.0
_JOIN_SECONDS = 5.0

_running: WeakKeyDictionary[threading.Thread, Belt] = WeakKeyDictionary()
_abandoned: list[threading.Thread] = []
_lock = threading.Lock()


class Prefetch:
    """Iterates once over the frames of the clip that open_fn opens, then has its `report`. A context manager.

    open_fn runs in the thread too: opening may hang as well. byte_budget bounds the frames that wait; one may
    always wait, however large. One more is with the decoder, and one with the consumer.
    stall_seconds without progress of the decoder, counted only while the consumer waits for it, is a
    DecodeError; its thread is left behind, and the third that hangs at a time is a WorkerError.
    What open_fn or the clip raises is raised here, after the frames that came before it.
    """

    def __init__(
        self, open_fn: Callable[[], Frames], byte_budget: int, stall_seconds: float = STALL_SECONDS
    ) -> None:
        self._belt = Belt(byte_budget)
        self._stall_seconds = stall_seconds
        # The thread knows the belt, not this object: a Prefetch that is forgotten still ends its thread.
        self._thread = threading.Thread(
            target=_fill, args=(self._belt, open_fn), name="posebeam-decode", daemon=True
        )
        with _lock:
            _running[self._thread] = self._belt
        self._thread.start()

    def __enter__(self) -> "Prefetch":
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()

    def __del__(self) -> None:
        self._belt.shut()

    def __iter__(self) -> "Prefetch":
        return self

    def __next__(self) -> Frame:
        """The next frame; waits for the decoder."""
        tick = min(_TICK_SECONDS, self._stall_seconds / 4)
        silent, progress = 0.0, self._belt.progress
        while not self._belt.wait(tick):
            # Ticks are counted, not the clock: a machine that was suspended has not stalled.
            silent += tick
            if self._belt.progress != progress:
                silent, progress = 0.0, self._belt.progress
            if silent >= self._stall_seconds:
                self._abandon()
        return self._belt.take()

    @property
    def report(self) -> DecodeReport:
        """What the clip turned out to be; only after its last frame."""
        if self._belt.report is None:
            raise RuntimeError("a clip has its report after its last frame: iterate to the end first")
        return self._belt.report

    def close(self) -> None:
        """Drop what waits and end the thread; nothing happens if it has ended."""
        self._belt.shut()
        if self._thread not in _abandoned:
            self._thread.join(_JOIN_SECONDS)

    def _abandon(self) -> None:
        error = DecodeError(f"stalled: the decoder gave no frame for {self._stall_seconds:g} s")
        self._belt.shut(error)
        with _lock:
            _abandoned[:] = [thread for thread in _abandoned if thread.is_alive()] + [self._thread]
            hanging = len(_abandoned)
        if hanging >= MOST_ABANDONED:
            raise WorkerError(
                f"{hanging} decoder threads hang and cannot be ended: this process is given up. "
                "Is the disk or network that holds the clips alive?"
            )


@atexit.register
def _end_all() -> None:
    """A thread that comes back from OpenCV while the interpreter is torn down would abort the process."""
    with _lock:
        running = [(thread, belt) for thread, belt in _running.items() if thread not in _abandoned]
    for _, belt in running:
        belt.shut()
    for thread, _ in running:
        thread.join(_JOIN_SECONDS)


def _fill(belt: Belt, open_fn: Callable[[], Frames]) -> None:
    """The thread: decode until the end, the first error, or the consumer's leaving."""
    clip: Frames | None = None
    try:
        clip = open_fn()
        belt.source = clip
        for frame in clip:
            if not belt.put(frame):
                return
        belt.finish(clip.report)
    except BaseException as error:
        belt.finish(None, error)
    finally:
        belt.source = None
        if clip is not None:
            clip.close()
