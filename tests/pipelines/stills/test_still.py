"""Stills: an image is a clip of one frame, upright, RGB, 8 bits; what is cut short is refused."""

import os
import struct
import subprocess
import sys
import zlib
from pathlib import Path

import cv2
import numpy as np
import pytest

from posebeam.pipelines.bounds import MOST_SIDE, Bounds
from posebeam.pipelines.decode import DecodeReport, Frame
from posebeam.pipelines.stills.still import SUFFIXES, open_still
from posebeam.transforms.errors import DecodeError

Image = pytest.importorskip("PIL.Image", reason="Pillow writes the kinds of files that OpenCV does not")


@pytest.fixture
def picture() -> np.ndarray:
    """uint8 RGB [48, 64, 3]: smooth, no two corners alike."""
    y, x = np.mgrid[:48, :64]
    return np.stack([4 * x, 5 * y, 255 - 2 * x - 2 * y], axis=-1).clip(0, 255).astype(np.uint8)


def read(path: Path) -> tuple[Frame, DecodeReport]:
    still = open_still(path)
    (frame,) = still
    return frame, still.report


@pytest.mark.parametrize("suffix", [".png", ".bmp", ".tiff", ".webp", ".jpg"])
def test_an_image_is_a_clip_of_one_frame(tmp_path, picture, suffix):
    path = tmp_path / f"a{suffix}"
    Image.fromarray(picture).save(path, **({"lossless": True} if suffix == ".webp" else {"quality": 100}))
    frame, report = read(path)
    assert (frame.number, frame.seconds) == (0, 0.0)
    assert (frame.rgb.dtype, frame.rgb.shape) == (np.uint8, (48, 64, 3))
    assert np.abs(np.float32(frame.rgb) - picture).mean() < (3 if suffix == ".jpg" else 1e-9)
    assert report == DecodeReport(1, 1, 0.0, 64, 48, ())


@pytest.mark.parametrize("orientation", range(1, 9))
def test_exif_turns_it_upright(tmp_path, picture, orientation):
    """Stored as each orientation lays it down (EXIF 2.32, tag 0x0112), all come out as the same picture."""
    turns = {2: 0, 3: 2, 4: 2, 5: 1, 6: 1, 7: 3, 8: 3}.get(orientation, 0)
    stored = np.rot90(picture, turns)
    if orientation in (2, 4, 5, 7):
        stored = stored[:, ::-1] if orientation in (2, 4) else np.rot90(picture, turns)[::-1]
    exif = Image.Exif()
    exif[0x0112] = orientation
    Image.fromarray(np.ascontiguousarray(stored)).save(tmp_path / "a.png", exif=exif)
    frame, report = read(tmp_path / "a.png")
    np.testing.assert_array_equal(frame.rgb, picture)
    assert (report.width, report.height) == (64, 48)


def test_grey_becomes_rgb(tmp_path, picture):
    Image.fromarray(picture[..., 0]).save(tmp_path / "a.png")
    np.testing.assert_array_equal(read(tmp_path / "a.png")[0].rgb, np.repeat(picture[..., :1], 3, -1))


def test_sixteen_bits_keep_their_upper_eight(tmp_path, picture):
    cv2.imwrite(str(tmp_path / "a.png"), picture[..., ::-1].astype(np.uint16) * 256 + 200)
    np.testing.assert_array_equal(read(tmp_path / "a.png")[0].rgb, picture)


def test_what_is_transparent_keeps_its_colour(tmp_path, picture):
    alpha = np.full((48, 64, 1), 7, np.uint8)
    Image.fromarray(np.concatenate([picture, alpha], -1)).save(tmp_path / "a.png")
    np.testing.assert_array_equal(read(tmp_path / "a.png")[0].rgb, picture)


def test_cmyk_is_converted(tmp_path, picture):
    Image.fromarray(picture).convert("CMYK").save(tmp_path / "a.jpg", quality=100, subsampling=0)
    assert np.abs(np.float32(read(tmp_path / "a.jpg")[0].rgb) - picture).mean() < 4


@pytest.mark.parametrize("suffix", [".jpg", ".png", ".bmp", ".webp", ".tiff"])
@pytest.mark.parametrize("share", [0.95, 0.5, 0.1])
def test_a_file_that_ends_too_early_is_refused(tmp_path, picture, suffix, share):
    path = tmp_path / f"a{suffix}"
    noise = np.random.default_rng(0).integers(0, 99, (480, 640, 3), np.uint8)
    Image.fromarray(noise).save(path)
    path.write_bytes(path.read_bytes()[: int(path.stat().st_size * share)])
    with pytest.raises(DecodeError, match="no image that OpenCV can read"):
        read(path)


def test_what_is_no_image_says_why(tmp_path):
    (tmp_path / "empty.jpg").touch()
    (tmp_path / "text.jpg").write_text("no image")
    os.mkfifo(tmp_path / "pipe.jpg")
    for name, reason in {
        "empty.jpg": "the file is empty", "text.jpg": "no image that OpenCV can read", "pipe.jpg": "is a pipe",
        "absent.jpg": "No such file", ".": "is a folder",
    }.items():  # fmt: skip
        with pytest.raises(DecodeError, match=reason):
            read(tmp_path / name)


def test_an_image_too_large_is_refused(tmp_path):
    cv2.imwrite(str(tmp_path / "a.png"), np.zeros((1, MOST_SIDE + 1), np.uint8))
    with pytest.raises(DecodeError, match=f"at most {MOST_SIDE} a side"):
        read(tmp_path / "a.png")


@pytest.mark.parametrize("suffix", [suffix for suffix in SUFFIXES if suffix != ".jpeg"])
def test_the_size_is_read_off_the_header_and_refused_before_anything_is_decoded(tmp_path, suffix, monkeypatch):
    path = tmp_path / f"a{suffix}"
    cv2.imwrite(str(path), np.zeros((30, 50, 3), np.uint8))
    (frame,) = open_still(path, Bounds(pixels=1500))
    assert frame.rgb.shape == (30, 50, 3)
    monkeypatch.setattr(cv2, "imdecode", lambda *_: pytest.fail("it was decoded"))
    with pytest.raises(DecodeError, match=r"50 x 30 have 1,500 pixels: at most 1,499 are read \(--max-pixels\)"):
        next(iter(open_still(path, Bounds(pixels=1499))))


def test_a_small_file_that_unpacks_to_a_giant_picture_is_never_unpacked(tmp_path, monkeypatch):
    monkeypatch.setattr(cv2, "imdecode", lambda *_: pytest.fail("it was decoded"))
    side = 20_000  # 400 million pixels, 1.2 GB as a picture
    rows = zlib.compressobj()
    packed = b"".join(rows.compress(bytes(side + 1)) for _ in range(200)) + rows.flush()
    header = struct.pack(">2I5B", side, side, 8, 0, 0, 0, 0)
    chunks = [b"\x89PNG\r\n\x1a\n", _chunk(b"IHDR", header), _chunk(b"IDAT", packed), _chunk(b"IEND", b"")]
    (tmp_path / "a.png").write_bytes(b"".join(chunks))
    with pytest.raises(DecodeError, match="too large by its header"):
        read(tmp_path / "a.png")


def test_a_file_that_no_picture_fills_is_not_read(tmp_path, monkeypatch):
    """A terabyte with holes takes no room on a disk."""
    with (tmp_path / "a.png").open("wb") as file:
        file.truncate(1 << 36)
    monkeypatch.setattr(Path, "read_bytes", lambda _: pytest.fail("it was read"))
    with pytest.raises(DecodeError, match=r"the file has 68,719,476,736 bytes: .* \(--max-pixels\)"):
        read(tmp_path / "a.png")


def test_large_pictures_within_bounds_come_without_a_word(tmp_path):
    """Pillow warns from 89 million pixels on, on standard error amid the progress."""
    Image.new("1", (10_000, 10_000)).save(tmp_path / "a.png")
    program = (
        "import sys, numpy; from posebeam.pipelines.stills.still import size_of;"
        "print(size_of(numpy.fromfile(sys.argv[1], numpy.uint8)))"
    )
    done = subprocess.run(
        [sys.executable, "-c", program, tmp_path / "a.png"], capture_output=True, text=True, check=True
    )
    assert (done.stdout, done.stderr) == ("(10000, 10000)\n", "")


def _chunk(kind: bytes, content: bytes) -> bytes:
    return struct.pack(">I", len(content)) + kind + content + struct.pack(">I", zlib.crc32(kind + content))


def test_the_report_comes_after_the_frame(tmp_path, picture):
    Image.fromarray(picture).save(tmp_path / "a.png")
    still = open_still(tmp_path / "a.png")
    assert still.decoded == 0
    with pytest.raises(RuntimeError, match="after its frame"):
        _ = still.report
    assert (len(list(still)), still.decoded) == (1, 1)


def test_real_images_are_decoded_with_the_size_that_coco_says(foreign_data):
    paths = sorted((foreign_data / "coco/images").glob("*.jpg"))
    assert len(paths) == 36
    assert {read(path)[1].width for path in paths} >= {640, 480}
