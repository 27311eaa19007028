"""Still: an image as a clip of one frame, through a door of its own beside decode.open_clip."""

import os
import warnings
from collections.abc import Iterator
from io import BytesIO
from pathlib import Path

import cv2
import numpy as np
from numpy.typing import NDArray
from PIL import Image

from posebeam.pipelines.bounds import BOUNDS, Bounds
from posebeam.pipelines.capture import require_file
from posebeam.pipelines.decode import DecodeReport, Frame
from posebeam.pipelines.stores.address import address, is_remote
from posebeam.pipelines.stores.fetched import here
from posebeam.transforms.errors import DecodeError

SUFFIXES = (".bmp", ".jpeg", ".jpg", ".png", ".tif", ".tiff", ".webp")
_FORMATS = ("BMP", "GIF", "JPEG", "JPEG2000", "PNG", "PPM", "TIFF", "WEBP")  # what OpenCV reads, whatever the name
# Ours are stricter, or as the user wants them, and refuse in words.
warnings.filterwarnings("ignore", category=Image.DecompressionBombWarning)
_NONE = "no image that OpenCV can read: cut short, damaged, or another kind of file"


def open_still(path: str | os.PathLike[str], bounds: Bounds = BOUNDS) -> "Still":
    """Open an image file for one pass; of what lies in an object store nothing is known before it is read.

    Raises DecodeError, saying why, for what is no regular, readable file.
    """
    if not is_remote(address(path)):
        require_file(os.fspath(path))
    return Still(os.fspath(path), bounds)


def decoded(content: NDArray[np.uint8], bounds: Bounds = BOUNDS) -> NDArray[np.uint8]:
    """The bytes of an image file to its picture, uint8 RGB [H, W, 3].

    DecodeError if none can be made of them, or if it has more pixels than bounds allow: that is read off the
    header, for OpenCV would unpack a picture of a gigabyte out of a megabyte.
    """
    bounds.refuse_size(*size_of(content))
    try:
        bgr = cv2.imdecode(content, cv2.IMREAD_COLOR)
    except cv2.error as error:
        raise DecodeError(f"no image that OpenCV can read: {error.err}") from None
    if bgr is None:
        raise DecodeError(_NONE)
    return np.asarray(cv2.cvtColor(bgr, cv2.COLOR_BGR2RGB), np.uint8)


def size_of(content: NDArray[np.uint8]) -> tuple[int, int]:
    """Width and height as the header of an image file says, DecodeError if it says nothing; no pixel is read."""
    try:
        with Image.open(BytesIO(content.tobytes()), formats=_FORMATS) as picture:
            return picture.size
    except Image.DecompressionBombError as error:
        raise DecodeError(f"the image is too large by its header: {error}") from None
    except (OSError, ValueError, ArithmeticError, LookupError, SyntaxError, TypeError, AttributeError):
        raise DecodeError(_NONE) from None


class Still:
    """An image: iterate once for its only frame, then read `report`; as decode.Clip.

    The frame is uint8 RGB [H, W, 3] as it is shown: turned as EXIF says; grey becomes RGB, what is transparent
    keeps the colour below it, CMYK is converted without a profile, 16 bits are cut to the upper 8. Of a file with
    several pages the first is taken. A file that ends too early is a DecodeError, never a half-grey picture.
    """

    def __init__(self, path: str, bounds: Bounds = BOUNDS) -> None:
        self._path, self._bounds = path, bounds
        self._report: DecodeReport | None = None

    @property
    def decoded(self) -> int:
        """Frames decoded so far: 0 or 1."""
        return int(self._report is not None)

    @property
    def report(self) -> DecodeReport:
        """What the image turned out to be; only after its frame. A still has no frame rate: fps is 0."""
        if self._report is None:
            raise RuntimeError("an image has its report after its frame: iterate to the end first")
        return self._report

    def close(self) -> None:
        """Nothing stays open."""

    def __iter__(self) -> Iterator[Frame]:
        """The frame. DecodeError if no picture can be made of the file."""
        try:
            with here(self._path) as path:
                self._bounds.refuse_bytes(Path(path).stat().st_size)
                content = Path(path).read_bytes()
        except OSError as error:
            raise DecodeError(f"cannot be read: {error.strerror}") from None
        rgb = decoded(np.frombuffer(content, np.uint8), self._bounds)
        height, width = rgb.shape[:2]
        yield Frame(0, 0.0, rgb, content)
        self._report = DecodeReport(1, 1, 0.0, width, height, ())
