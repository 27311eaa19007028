"""Opening videos: what is none ends in a sentence, never in a crash or a hang."""

import os
import socketserver
import struct
import threading
import wave
from collections.abc import Iterator
from pathlib import Path

import cv2
import numpy as np
import pytest

from posebeam.pipelines.decode import open_clip, probe
from posebeam.transforms.errors import DecodeError


def write(path: Path, codec: str = "FFV1", count: int = 20) -> Path:
    """Grey frames of 64 x 48."""
    writer = cv2.VideoWriter(str(path), cv2.VideoWriter_fourcc(*codec), 25.0, (64, 48))
    assert writer.isOpened()
    for number in range(count):
        writer.write(np.full((48, 64, 3), number, np.uint8))
    writer.release()
    return path


def patch(path: Path, mark: bytes, offset: int, layout: str, *values: int) -> Path:
    """Overwrite a header's fields, `offset` bytes after the mark."""
    content = bytearray(path.read_bytes())
    struct.pack_into(layout, content, content.index(mark) + offset, *values)
    path.write_bytes(content)
    return path


def count_frames(path: Path | str, **options: float) -> int:
    with open_clip(path, **options) as clip:
        return sum(1 for _ in clip)


def silence(path: Path) -> Path:
    with wave.open(str(path), "wb") as sound:
        sound.setnchannels(1)
        sound.setsampwidth(2)
        sound.setframerate(8000)
        sound.writeframes(bytes(16000))
    return path


ODD = {
    "absent": (lambda path: path, "cannot be opened: No such file"),
    "folder": (lambda path: path.mkdir() or path, "is a folder, expected a regular file"),
    "pipe": (lambda path: os.mkfifo(path) or path, "is a pipe or device"),
    "empty": (lambda path: path.touch() or path, "the file is empty: 0 bytes"),
    "text": (lambda path: path.write_text("no video\n" * 999) and path, "no video stream that FFmpeg can read"),
    "audio": (silence, "no video stream that FFmpeg can read"),
    "mp4 without its end": (
        lambda path: path.write_bytes(write(path, "mp4v").read_bytes().split(b"moov")[0]) and path,
        "no video stream that FFmpeg can read",
    ),
    "name that is no text": (lambda path: path.with_name("\udcff.mp4"), "its name is no UTF-8 text"),
    "name with a zero": (lambda path: f"{path}\0", "its name is no UTF-8 text"),
}


@pytest.mark.timeout(20)
@pytest.mark.parametrize("kind", ODD)
def test_what_is_no_video_is_an_error_that_says_why(tmp_path, kind):
    make, reason = ODD[kind]
    path = make(tmp_path / "a.mp4")
    with pytest.raises(DecodeError, match=reason):
        open_clip(path)
    assert probe(path) == 0


def test_audio_without_a_picture_is_an_error(media):
    with pytest.raises(DecodeError, match="audio only"):
        open_clip(media / "odd" / "audio_only.mp4")


def test_a_header_that_promises_a_giant_frame_is_refused(tmp_path):
    path = patch(write(tmp_path / "a.avi"), b"strf", 12, "<2i", 10_000, 10_000)
    with pytest.raises(DecodeError, match=r"10000 x 10000 have 100,000,000 pixels: at most 67,108,864"):
        open_clip(path)


def test_a_name_is_a_name_and_no_pattern_or_protocol(tmp_path, monkeypatch):
    write(tmp_path / "plain.avi").rename(tmp_path / "a:b%03d.avi")
    monkeypatch.chdir(tmp_path)
    assert count_frames("a:b%03d.avi") == 20


def test_probe_reads_the_header_only(tmp_path):
    path = patch(write(tmp_path / "a.avi", "MJPG"), b"strh", 40, "<I", 77)
    assert probe(path) == 77


def threads() -> int:
    return sum(1 for _ in Path("/proc/self/task").iterdir())


def test_decoding_starts_no_threads(tmp_path):
    path = write(tmp_path / "a.mp4", "mp4v")
    next(iter(open_clip(path)))  # whatever OpenCV starts once, it has started now
    before = threads()
    clips = [open_clip(path) for _ in range(8)]
    for clip in clips:
        next(iter(clip))
    assert threads() == before


@pytest.fixture
def silent_server(tmp_path: Path) -> Iterator[str]:
    """Serves the first half of a clip, then says nothing more."""
    content = write(tmp_path / "a.avi", "MJPG", count=200).read_bytes()
    over = threading.Event()

    class Handler(socketserver.BaseRequestHandler):
        def handle(self) -> None:
            self.request.recv(4096)
            self.request.sendall(b"HTTP/1.1 200 OK\r\nContent-Length: %d\r\n\r\n" % len(content))
            self.request.sendall(content[: len(content) // 2])
            over.wait()

    with socketserver.ThreadingTCPServer(("127.0.0.1", 0), Handler) as server:
        server.daemon_threads = True
        threading.Thread(target=server.serve_forever, daemon=True).start()
        yield f"http://127.0.0.1:{server.server_address[1]}/a.avi"
        over.set()
        server.shutdown()


@pytest.mark.timeout(60)
def test_a_stream_that_falls_silent_is_an_error(silent_server):
    with pytest.raises(DecodeError, match=r"stalled: the stream was silent for 1 s"):
        count_frames(silent_server, timeout=1.0)
