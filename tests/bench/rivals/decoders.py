"""Decoders: NAME FILE ... decodes each file from its beginning to its end; prints frames and seconds as JSON.

The same is asked of each: every frame as uint8 RGB [H, W, 3] in memory with its time in seconds, one thread; a
frame may be dropped once both are there. NAME is posebeam, opencv, pyav, decord or torchcodec. One pass that
does not count comes first.
"""

import json
import sys
import time
from collections.abc import Callable, Iterator
from typing import Any

import numpy as np

Timed = Iterator[tuple[Any, float]]
CHUNK = 32  # frames that torchcodec decodes in a call


def posebeam(file: str) -> Timed:
    from posebeam.pipelines.decode import open_clip

    for frame in open_clip(file):
        yield frame.rgb, frame.seconds


def opencv(file: str) -> Timed:
    import cv2

    video = cv2.VideoCapture(file, cv2.CAP_FFMPEG, [cv2.CAP_PROP_N_THREADS, 1])
    while video.grab():
        seconds = video.get(cv2.CAP_PROP_POS_MSEC) / 1000
        yield cv2.cvtColor(video.retrieve()[1], cv2.COLOR_BGR2RGB), seconds


def pyav(file: str) -> Timed:
    import av

    with av.open(file) as container:
        container.streams.video[0].codec_context.thread_count = 1
        for frame in container.decode(video=0):
            yield frame.to_ndarray(format="rgb24"), frame.time


def decord(file: str) -> Timed:
    from decord import VideoReader, cpu

    video = VideoReader(file, ctx=cpu(0), num_threads=1)
    for number in range(len(video)):
        yield video[number].asnumpy(), video.get_frame_timestamp(number)[0]


def torchcodec(file: str) -> Timed:
    from torchcodec.decoders import VideoDecoder

    if file not in _REACHED:  # in the pass that does not count
        _REACHED[file] = _reached(VideoDecoder(file, num_ffmpeg_threads=1))
    video, count = VideoDecoder(file, num_ffmpeg_threads=1, dimension_order="NHWC"), _REACHED[file]
    for first in range(0, count, CHUNK):
        batch = video.get_frames_in_range(first, min(first + CHUNK, count))
        yield from zip(batch.data.numpy(), batch.pts_seconds.tolist(), strict=True)


_REACHED: dict[str, int] = {}


def _reached(video: Any) -> int:
    """How many of a video's frames torchcodec gives out: of MPEG-4 in AVI all but the last."""
    count = 0
    try:
        for count in range(1, len(video) + 1):
            video.get_frame_at(count - 1)
    except RuntimeError:
        return count - 1
    return count


DECODERS: dict[str, Callable[[str], Timed]] = {
    decoder.__name__: decoder for decoder in (posebeam, opencv, pyav, decord, torchcodec)
}


def _pass(decoder: Callable[[str], Timed], files: list[str]) -> int:
    """Frames that came out, each looked at: the right kind of array, and a time."""
    frames = 0
    for file in files:
        for rgb, seconds in decoder(file):
            assert rgb.dtype == np.uint8, rgb.dtype
            assert rgb.ndim == 3, rgb.shape
            assert rgb.shape[2] == 3, rgb.shape
            assert seconds is not None
            frames += 1
    return frames


def main(name: str, files: list[str]) -> None:
    """Two passes; the second counts."""
    _pass(DECODERS[name], files)
    started = time.perf_counter()
    frames = _pass(DECODERS[name], files)
    print(json.dumps({"frames": frames, "seconds": time.perf_counter() - started}))


if __name__ == "__main__":
    main(sys.argv[1], sys.argv[2:])
