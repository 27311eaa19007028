"""Decoding ahead: same frames, bounded memory, stalls ended, no thread left behind."""

import gc
import subprocess
import sys
import threading
import time
from collections.abc import Callable, Iterator
from pathlib import Path

import cv2
import numpy as np
import pytest

from posebeam.pipelines import prefetch
from posebeam.pipelines.decode import DecodeReport, Frame, open_clip
from posebeam.pipelines.prefetch import Prefetch
from posebeam.transforms.errors import DecodeError, WorkerError

BYTES = 300  # of one frame of the stub clip
REPORT = DecodeReport(8, 8, 25.0, 10, 10, ())


class StubClip:
    """Eight frames of 300 bytes; `before(number)` runs in the decoder's thread before each, and at the end."""

    def __init__(self, before: Callable[[int], object] = lambda number: None) -> None:
        self.before, self.decoded, self.closed, self.report = before, 0, threading.Event(), REPORT

    def __iter__(self) -> Iterator[Frame]:
        for number in range(8):
            self.before(number)
            self.decoded += 1
            yield Frame(number, number / 25, np.full((10, 10, 3), number, np.uint8))
        self.before(8)

    def close(self) -> None:
        self.closed.set()


class Hang:
    """Hangs before one frame as a decoder does that is stuck in C, until the test lets go."""

    def __init__(self, number: int) -> None:
        self.number, self.over = number, threading.Event()

    def __call__(self, number: int) -> None:
        if number == self.number:
            self.over.wait()


@pytest.fixture
def hangs() -> Iterator[Callable[[int], Hang]]:
    """Makes hangs, and ends them all after the test."""
    made: list[Hang] = []

    def make(number: int) -> Hang:
        made.append(Hang(number))
        return made[-1]

    yield make
    for hang in made:
        hang.over.set()
    wait_for(lambda: not decoders())
    prefetch._abandoned.clear()


def decoders() -> list[threading.Thread]:
    return [thread for thread in threading.enumerate() if thread.name == "posebeam-decode"]


def wait_for(condition: Callable[[], bool], seconds: float = 10.0) -> None:
    end = time.monotonic() + seconds
    while not condition():
        assert time.monotonic() < end, "waited in vain"
        time.sleep(0.002)


@pytest.mark.parametrize("budget", [1, BYTES, 3 * BYTES, 10**9])
def test_the_frames_come_in_order_then_the_report(budget):
    clip = StubClip()
    with Prefetch(lambda: clip, budget) as frames:
        assert [frame.number for frame in frames] == list(range(8))
        assert frames.report == REPORT
        assert next(frames, None) is None
    assert clip.closed.is_set()
    assert not decoders()


@pytest.mark.parametrize(("budget", "waiting"), [(1, 1), (BYTES, 1), (3 * BYTES, 3), (4 * BYTES - 1, 3)])
def test_what_waits_is_bounded_in_bytes_and_one_frame_at_least(budget, waiting):
    clip = StubClip()
    with Prefetch(lambda: clip, budget) as frames:
        wait_for(lambda: clip.decoded == waiting + 1)  # one more is made, and waits for room
        time.sleep(0.05)
        assert clip.decoded == waiting + 1
        next(frames)
        wait_for(lambda: clip.decoded == waiting + 2)


def test_there_is_no_report_before_the_end():
    with Prefetch(StubClip, 1) as frames:
        next(frames)
        with pytest.raises(RuntimeError, match="iterate to the end first"):
            _ = frames.report


def test_what_opening_raises_is_raised_here():
    with (
        Prefetch(lambda: open_clip("/nowhere.mp4"), 1) as frames,
        pytest.raises(DecodeError, match="No such file"),
    ):
        next(frames)


def test_what_decoding_raises_comes_after_the_frames_before_it():
    def fail(number: int) -> None:
        if number == 5:
            raise ZeroDivisionError("a bug")

    clip = StubClip(fail)
    with Prefetch(lambda: clip, 10**9) as frames:
        assert [next(frames).number for _ in range(5)] == list(range(5))
        with pytest.raises(ZeroDivisionError, match="a bug"):
            next(frames)
    assert clip.closed.is_set()


@pytest.mark.parametrize("taken", [0, 3])
def test_leaving_early_ends_the_thread_and_closes_the_clip(taken):
    clip = StubClip()
    with Prefetch(lambda: clip, 1) as frames:
        for _ in range(taken):
            next(frames)
    assert clip.closed.is_set()
    assert not decoders()
    assert next(frames, None) is None


def test_a_prefetch_that_is_forgotten_ends_its_thread():
    clip = StubClip()
    frames = Prefetch(lambda: clip, 1)
    next(frames)
    (thread,) = decoders()
    assert thread.is_alive(), "it waits for room; without the end of its reader it would wait for ever"
    del frames
    gc.collect()
    thread.join(10)
    assert not thread.is_alive()
    assert clip.closed.is_set()
    assert clip.decoded < 8


@pytest.mark.parametrize("number", [0, 4, 8])
def test_a_decoder_that_hangs_is_a_decode_error(hangs, number):
    hang = hangs(number)
    with Prefetch(lambda: StubClip(hang), 10**9, stall_seconds=0.2) as frames:
        assert [next(frames).number for _ in range(number)] == list(range(number))
        with pytest.raises(DecodeError, match=r"stalled: the decoder gave no frame for 0.2 s"):
            next(frames)


def test_opening_that_hangs_is_a_decode_error(hangs):
    hang = hangs(0)
    frames = Prefetch(lambda: hang(0) or StubClip(), 1, stall_seconds=0.2)
    with frames, pytest.raises(DecodeError, match="stalled"):
        next(frames)


def test_closing_does_not_wait_for_a_decoder_that_hangs(hangs):
    with Prefetch(lambda: StubClip(hangs(0)), 1, stall_seconds=0.1) as frames:
        with pytest.raises(DecodeError):
            next(frames)
        started = time.monotonic()
    assert time.monotonic() - started < 1


def test_a_slow_consumer_is_no_stall():
    """The decoder waits for room much longer than the time-out; that is not its fault."""
    with Prefetch(StubClip, 1, stall_seconds=0.5) as frames:
        next(frames)
        time.sleep(1)
        assert sum(1 for _ in frames) == 7


def test_a_decoder_that_works_without_giving_frames_is_no_stall():
    """A low --fps leaves many frames out: they are decoded all the same."""
    clip = StubClip()

    def skip(number: int) -> None:
        if number == 3:
            for _ in range(25):
                time.sleep(0.06)
                clip.decoded += 1

    clip.before = skip
    with Prefetch(lambda: clip, 10**9, stall_seconds=1) as frames:
        assert sum(1 for _ in frames) == 8


def test_the_third_decoder_that_hangs_fails_the_worker(hangs):
    for _ in range(2):
        with Prefetch(lambda: StubClip(hangs(0)), 1, stall_seconds=0.05) as frames, pytest.raises(DecodeError):
            next(frames)
    frames = Prefetch(lambda: StubClip(hangs(0)), 1, stall_seconds=0.05)
    with frames, pytest.raises(WorkerError, match="3 decoder threads hang"):
        next(frames)


def test_a_decoder_that_came_back_is_not_counted(hangs):
    for _ in range(5):
        hang = hangs(0)
        frames = Prefetch(lambda hang=hang: StubClip(hang), 1, stall_seconds=0.05)
        with frames, pytest.raises(DecodeError):  # and not WorkerError, from the third on
            next(frames)
        hang.over.set()
        wait_for(lambda: not decoders())
    assert len(prefetch._abandoned) <= 1


@pytest.fixture
def video(tmp_path: Path) -> Path:
    path = tmp_path / "a.avi"
    writer = cv2.VideoWriter(str(path), cv2.VideoWriter_fourcc(*"MJPG"), 25.0, (320, 240))
    for number in range(200):
        writer.write(np.full((240, 320, 3), number, np.uint8))
    writer.release()
    return path


def test_a_real_clip_is_the_same_ahead_as_plain(video):
    with open_clip(video) as clip:
        plain = list(clip)
    with Prefetch(lambda: open_clip(video), 10 * 320 * 240 * 3) as frames:
        for frame, expected in zip(frames, plain, strict=True):
            assert (frame.number, frame.seconds) == (expected.number, expected.seconds)
            np.testing.assert_array_equal(frame.rgb, expected.rgb)
        assert frames.report == clip.report


def test_a_process_that_ends_while_decoding_ends_in_peace(video):
    """A thread that came back from OpenCV while the interpreter was torn down would abort the process."""
    program = (
        "import sys\n"
        "from posebeam.pipelines.decode import open_clip\n"
        "from posebeam.pipelines.prefetch import Prefetch\n"
        "clips = [Prefetch(lambda: open_clip(sys.argv[1]), 10**9) for _ in range(4)]\n"
        "next(clips[0])\n"
        "sys.exit(7)\n"
    )
    ended = subprocess.run([sys.executable, "-c", program, str(video)], capture_output=True, text=True)
    assert (ended.returncode, ended.stderr) == (7, "")
