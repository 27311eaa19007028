"""Bounds: how large and how long a clip may be. A small file can hold what no machine has room or time for."""

import math
from dataclasses import dataclass

from posebeam.transforms.errors import ConfigError, DecodeError

MOST_SIDE = 32_767  # pixels: beyond it OpenCV counts coordinates in 16 bits no more
MOST_PIXELS = 178_956_970  # Pillow reads the header of no larger image
_BYTES = 8  # a pixel's, with four channels of 16 bits
_AROUND = 16 << 20  # profiles, previews and headers around them
_FASTEST = 1000  # frames a second that anybody films; a header that says more shall not stretch a second


@dataclass(frozen=True)
class Bounds:
    """The most pixels of a frame, and the most seconds of a clip, that are read.

    What they are if nobody says otherwise, no honest clip reaches: twice the pixels of 8K, and a day.
    """

    pixels: int = 1 << 26
    seconds: float = 86_400.0

    def __post_init__(self) -> None:
        if not 0 < self.pixels <= MOST_PIXELS:
            raise ConfigError(f"max_pixels: got {self.pixels}, expected 1 to {MOST_PIXELS}")
        if not (math.isfinite(self.seconds) and self.seconds > 0):
            raise ConfigError(f"max_seconds: got {self.seconds}, expected a positive number")

    def refuse_size(self, width: int, height: int) -> None:
        """DecodeError for pictures of more pixels, or of a side that nothing here can work with."""
        if max(width, height) > MOST_SIDE:
            raise DecodeError(f"pictures of {width} x {height}: at most {MOST_SIDE} a side are read")
        if width * height > self.pixels:
            raise DecodeError(
                f"pictures of {width} x {height} have {width * height:,} pixels: at most {self.pixels:,} are read "
                "(--max-pixels)"
            )

    def refuse_bytes(self, size: int) -> None:
        """DecodeError for an image's file of more bytes than the most pixels have unpacked: it is read whole."""
        if size > (most := self.pixels * _BYTES + _AROUND):
            raise DecodeError(
                f"the file has {size:,} bytes: a picture of {self.pixels:,} pixels has at most {most:,} "
                "(--max-pixels)"
            )

    def refuse_header(self, frames: int, fps: float) -> None:
        """DecodeError for a clip that is longer by its header; fps 0 is an unknown one."""
        if fps and frames / fps > self.seconds:
            raise DecodeError(f"lasts {frames / fps:,.1f} s by its header: {self._most}")

    def refuse_length(self, seconds: float, frames: int) -> None:
        """DecodeError for a clip of which so much was decoded, and there is more."""
        if seconds > self.seconds or frames > self.seconds * _FASTEST:
            raise DecodeError(f"goes on after {seconds:,.1f} s and {frames:,} frames: {self._most}")

    @property
    def _most(self) -> str:
        return f"at most {self.seconds:,.1f} s are read (--max-seconds)"


BOUNDS = Bounds()
