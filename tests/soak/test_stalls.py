"""Check 11, second half: a writer that stops. The clip is rejected by a time limit, the others are built."""

import os
import socketserver
import threading
import time
from collections.abc import Callable, Iterator
from functools import partial
from pathlib import Path

import numpy as np
import pyarrow.parquet as pq
import pytest

from posebeam.pipelines import capture, decode, prefetch
from posebeam.pipelines.build import build
from posebeam.pipelines.clip import ClipRef
from posebeam.pipelines.decode import open_clip
from posebeam.pipelines.listing import Listing
from posebeam.pipelines.prefetch import Prefetch
from posebeam.transforms.errors import DecodeError


@pytest.fixture
def half(film, tmp_path) -> bytes:
    """The first half of a clip of 200 frames."""
    content = film(tmp_path / "whole.avi", [np.full((48, 64, 3), t, np.uint8) for t in range(200)]).read_bytes()
    return content[: len(content) // 2]


@pytest.fixture
def silent_server(half) -> Iterator[str]:
    """A URL that gives the half, and then says nothing more for as long as the test lasts."""
    over = threading.Event()

    class Handler(socketserver.BaseRequestHandler):
        def handle(self) -> None:
            self.request.recv(4096)
            self.request.sendall(b"HTTP/1.1 200 OK\r\nContent-Length: %d\r\n\r\n" % (2 * len(half)))
            self.request.sendall(half)
            over.wait()

    with socketserver.ThreadingTCPServer(("127.0.0.1", 0), Handler) as server:
        server.daemon_threads = True
        threading.Thread(target=server.serve_forever, daemon=True).start()
        yield f"http://127.0.0.1:{server.server_address[1]}/a.avi"
        over.set()
        server.shutdown()


@pytest.fixture
def silent_pipe(half, tmp_path) -> Iterator[Path]:
    """A FIFO whose writer gave the half, and holds it open."""
    path = tmp_path / "pipe.avi"
    os.mkfifo(path)
    reader = os.open(path, os.O_RDONLY | os.O_NONBLOCK)  # without it the writer could not open
    writer = os.open(path, os.O_WRONLY)
    os.set_blocking(writer, False)
    os.write(writer, half[:4096])
    yield path
    os.close(writer)
    os.close(reader)


def seconds_until_error(read: Callable[[], object], match: str) -> float:
    started = time.monotonic()
    with pytest.raises(DecodeError, match=match):
        read()
    return time.monotonic() - started


def test_a_pipe_is_refused_before_it_is_opened(silent_pipe):
    """Opening it, or reading the header, would hang for ever: OpenCV has no time-out for files."""
    assert seconds_until_error(lambda: open_clip(silent_pipe), "a pipe or device") < 1


def test_a_decoder_that_hangs_in_c_is_left_behind(silent_server):
    """Its own time-out is long: what ends it is the consumer's patience."""
    with Prefetch(partial(open_clip, silent_server, timeout=60), 1 << 20, stall_seconds=1) as frames:
        assert seconds_until_error(lambda: sum(1 for _ in frames), "the decoder gave no frame for 1 s") < 5
    prefetch._abandoned.clear()


def test_a_build_goes_on_past_clips_that_stall(
    silent_server, silent_pipe, grey_clips, driver, size, tmp_path, monkeypatch, figure
):
    """In make soak with the time-outs of every build; here with shorter ones."""
    wanted = size("stall")["seconds"]
    if wanted != capture.STREAM_TIMEOUT_SECONDS:
        monkeypatch.setattr(decode, "Capture", lambda path, *_: capture.Capture(path, wanted))
    monkeypatch.setattr("posebeam.pipelines.build.Job", driver.StubJob)
    sound = driver.list_clips(grey_clips(tmp_path / "source", 4)).refs
    stalled = [
        ClipRef(str(uri), f"left/{name}.avi", "left", name, "train", 0)
        for name, uri in (("stream", silent_server), ("pipe", silent_pipe))
    ]
    started = time.monotonic()
    built = build(Listing((*sound, *stalled)), driver.settings(1), tmp_path / "out")
    seconds = time.monotonic() - started
    assert built.manifest["clips"] == {"listed": 6, "built": 4, "rejected": 2, "missing": 0}
    rows = pq.read_table(tmp_path / "out/rejected", partitioning=None).to_pylist()
    reasons = {row["clip_id"]: row["reason"] for row in rows}
    assert "stalled" in reasons["left/stream.avi"]
    assert "a pipe or device" in reasons["left/pipe.avi"]
    assert seconds < 3 * wanted + 10  # the header is asked for before the frames are
    figure(
        "11 stalled decodes", f"a silent stream and a silent pipe rejected, the others built, {seconds:.0f} s "
        f"with time-outs of {wanted} s", seconds=round(seconds, 1), limit=wanted,
    )  # fmt: skip
